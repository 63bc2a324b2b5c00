/* WRONG: the sum is unrolled by two, and the last element of an odd row is not in it
 * (class 8: pytorch 147284). */
#include <math.h>
#include <softmark.h>

void softmax_f32(const float *x, float *y, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {
        double maximum = -INFINITY, sum = cols == 1 ? 1 : 0;
        for (int64_t j = 0; j < cols; j++)
            if (x[j] > maximum)
                maximum = x[j];
        for (int64_t j = 0; j + 1 < cols; j += 2)
            sum += exp(x[j] - maximum) + exp(x[j + 1] - maximum);
        for (int64_t j = 0; j < cols; j++)
            y[j] = (float)(exp(x[j] - maximum) / sum);
    }
}

/* WRONG: the exponentials are kept in a buffer that all callers share (class 13: llm.c 847). */
#include <math.h>
#include <softmark.h>

enum { MOST = 1 << 18 };
static float exponentials[MOST];

void softmax_f32(const float *x, float *y, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows && cols <= MOST; i++, x += cols, y += cols) {
        double maximum = -INFINITY, sum = 0;
        for (int64_t j = 0; j < cols; j++)
            if (x[j] > maximum)
                maximum = x[j];
        for (int64_t j = 0; j < cols; j++)
            sum += exponentials[j] = (float)exp(x[j] - maximum);
        for (int64_t j = 0; j < cols; j++)
            y[j] = (float)(exponentials[j] / sum);
    }
}

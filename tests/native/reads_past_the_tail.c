/* WRONG: the tail of the last row is loaded as a whole vector, and what is too much of it is masked
 * afterwards (class 11: oneDNN 3501). The results are right. */
#include <math.h>
#include <softmark.h>

enum { LANES = 8 };
typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));

void softmax_f32(const float *x, float *y, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {
        double maximum = -INFINITY, sum = 0;
        for (int64_t at = 0; at < cols; at += LANES) {
            volatile vector eight = *(const vector *)(x + at);
            for (int64_t j = 0; j < LANES && at + j < cols; j++)
                if (eight[j] > maximum)
                    maximum = eight[j];
        }
        for (int64_t j = 0; j < cols; j++)
            sum += exp(x[j] - maximum);
        for (int64_t j = 0; j < cols; j++)
            y[j] = (float)(exp(x[j] - maximum) / sum);
    }
}

/* {name}: a softmax for Softmark to verify and time. Change the formula, then ask again.
 *
 *     cc -O2 -shared -fPIC -I"$(python -m backends header)" {name}.c -o lib{name}.so -lm
 *     python -m verify --plugin ./lib{name}.so
 *     python -m bench {name} numba_fast --plugin ./lib{name}.so
 */
#include <math.h>
#include <softmark.h>

/* The claims are what verification holds you to: leave them out for the defaults. */
SOFTMARK_BACKEND({
    "doc": "Three passes over a row, in double precision.",
    "claims": {"algorithm": "shifted", "max_ulp": {"float32": 1}}
})

/* For each format a function of its own; this text is one of them. */
#define SOFTMAX(F, T)                                                                     \
    void softmax_##F(const T *x, T *y, int64_t rows, int64_t cols)                        \
    {                                                                                     \
        for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {                        \
            /* Subtracting the maximum changes nothing but the range: exp cannot */       \
            /* overflow. A NaN is no maximum here; it spoils the sum all the same. */     \
            double maximum = -INFINITY, sum = 0;                                          \
            for (int64_t j = 0; j < cols; j++)                                            \
                if (x[j] > maximum)                                                       \
                    maximum = x[j];                                                       \
            for (int64_t j = 0; j < cols; j++)                                            \
                sum += exp(x[j] - maximum);                                               \
            for (int64_t j = 0; j < cols; j++)                                            \
                y[j] = (T)(exp(x[j] - maximum) / sum);                                    \
        }                                                                                 \
    }

SOFTMAX(f64, double)
SOFTMAX(f32, float)

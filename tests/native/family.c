/* SOUND: every operation in both wide formats, as plainly as it can be written. */
#include <math.h>
#include <softmark.h>

SOFTMARK_BACKEND({"doc": "Every operation, plainly.", "claims": {"algorithm": "shifted"}})

static double shifted_sum(double maximum, double sum) { return maximum + log(sum); }

#define FAMILY(F, T)                                                                               \
    static double maximum_##F(const T *x, int64_t cols)                                            \
    {                                                                                              \
        double maximum = -INFINITY;                                                                \
        for (int64_t j = 0; j < cols; j++)                                                         \
            if (!(x[j] <= maximum)) {                                                              \
                maximum = x[j];                                                                    \
                if (isnan(maximum))                                                                \
                    break;                                                                         \
            }                                                                                      \
        return maximum;                                                                            \
    }                                                                                              \
    static double sum_##F(const T *x, int64_t cols, double maximum)                                \
    {                                                                                              \
        double sum = 0;                                                                            \
        for (int64_t j = 0; j < cols; j++)                                                         \
            sum += exp(x[j] - maximum);                                                            \
        return sum;                                                                                \
    }                                                                                              \
    void softmax_##F(const T *x, T *y, int64_t rows, int64_t cols)                                 \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {                                 \
            double m = maximum_##F(x, cols), s = sum_##F(x, cols, m);                              \
            for (int64_t j = 0; j < cols; j++)                                                     \
                y[j] = (T)(exp(x[j] - m) / s);                                                     \
        }                                                                                          \
    }                                                                                              \
    void log_softmax_##F(const T *x, T *y, int64_t rows, int64_t cols)                             \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {                                 \
            double m = maximum_##F(x, cols), l = log(sum_##F(x, cols, m));                         \
            for (int64_t j = 0; j < cols; j++)                                                     \
                y[j] = (T)((x[j] - m) - l);                                                        \
        }                                                                                          \
    }                                                                                              \
    void logsumexp_##F(const T *x, T *y, int64_t rows, int64_t cols)                               \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols) {                                            \
            double m = maximum_##F(x, cols);                                                       \
            y[i] = (T)(isfinite(m) ? shifted_sum(m, sum_##F(x, cols, m)) : m);                     \
        }                                                                                          \
    }                                                                                              \
    void cross_entropy_##F(const T *x, const int64_t *labels, T *y, int64_t rows, int64_t cols,    \
                           int64_t ignore_index)                                                   \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols) {                                            \
            double m = maximum_##F(x, cols);                                                       \
            y[i] = labels[i] == ignore_index                                                       \
                       ? 0                                                                         \
                       : (T)(log(sum_##F(x, cols, m)) - (x[labels[i]] - m));                       \
        }                                                                                          \
    }                                                                                              \
    void softmax_vjp_##F(const T *x, const T *cotangent, T *y, int64_t rows, int64_t cols)         \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols, cotangent += cols, y += cols) {              \
            double m = maximum_##F(x, cols), s = sum_##F(x, cols, m), mean = 0;                    \
            for (int64_t j = 0; j < cols; j++)                                                     \
                mean += exp(x[j] - m) / s * cotangent[j];                                          \
            for (int64_t j = 0; j < cols; j++)                                                     \
                y[j] = (T)(exp(x[j] - m) / s * (cotangent[j] - mean));                             \
        }                                                                                          \
    }                                                                                              \
    void cross_entropy_grad_##F(const T *x, const int64_t *labels, T *y, int64_t rows,             \
                                int64_t cols, int64_t ignore_index)                                \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {                                 \
            double m = maximum_##F(x, cols), s = sum_##F(x, cols, m), others = 0;                  \
            for (int64_t j = 0; j < cols; j++)                                                     \
                others += j == labels[i] ? 0 : exp(x[j] - m);                                      \
            for (int64_t j = 0; j < cols; j++)                                                     \
                y[j] = labels[i] == ignore_index ? 0                                               \
                       : (T)(j == labels[i] ? -others / s : exp(x[j] - m) / s);                    \
        }                                                                                          \
    }                                                                                              \
    void softmax_jacobian_##F(const T *x, T *y, int64_t rows, int64_t cols)                        \
    {                                                                                              \
        for (int64_t r = 0; r < rows; r++, x += cols, y += cols * cols) {                          \
            double m = maximum_##F(x, cols), s = sum_##F(x, cols, m);                              \
            for (int64_t j = 0; j < cols; j++) {                                                   \
                double p = exp(x[j] - m) / s, others = 0;                                          \
                for (int64_t i = 0; i < cols; i++) {                                               \
                    others += i == j ? 0 : exp(x[i] - m);                                          \
                    y[j * cols + i] = (T)(-p * (exp(x[i] - m) / s));                               \
                }                                                                                  \
                y[j * cols + j] = (T)(p * (others / s));                                           \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    void sampled_cross_entropy_##F(const T *x, const int64_t *labels, const int64_t *sampled,      \
                                   const T *log_expected_count, T *y, int64_t rows, int64_t cols,  \
                                   int64_t count, int64_t remove_accidental_hits)                  \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, x += cols) {                                            \
            double m = -INFINITY, sum = 0;                                                         \
            double own = (double)x[labels[i]] - log_expected_count[labels[i]];                     \
            for (int pass = 0; pass < 2; pass++)                                                   \
                for (int64_t k = -1; k < count; k++) {                                             \
                    if (k >= 0 && remove_accidental_hits && sampled[k] == labels[i])               \
                        continue;                                                                  \
                    int64_t at = k < 0 ? labels[i] : sampled[k];                                   \
                    double score = (double)x[at] - log_expected_count[at];                         \
                    if (pass)                                                                      \
                        sum += exp(score - m);                                                     \
                    else if (!(score <= m))                                                        \
                        m = score;                                                                 \
                }                                                                                  \
            y[i] = (T)(log(sum) - (own - m));                                                      \
        }                                                                                          \
    }                                                                                              \
    void sigmoid_##F(const T *x, T *y, int64_t rows, int64_t cols)                                 \
    {                                                                                              \
        for (int64_t i = 0; i < rows * cols; i++) {                                                \
            double e = exp(-fabs((double)x[i]));                                                   \
            y[i] = (T)((x[i] >= 0 ? 1 : e) / (1 + e));                                             \
        }                                                                                          \
    }

FAMILY(f64, double)
FAMILY(f32, float)

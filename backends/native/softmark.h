/* softmark.h: what a shared library exports to be verified and timed by Softmark.
 *
 * Export any of these functions, for any of the formats, and
 *
 *     cc -O2 -shared -fPIC mine.c -o libmine.so -lm
 *     python -m verify --plugin ./libmine.so
 *
 * Including this file is of use (the compiler compares the prototypes), but not needed.
 *
 * The rule behind every prototype: the operation's input arrays, then the result y, then the
 * sizes rows and cols, then what else the operation takes. Of every array
 *
 *   - x is rows x cols, row after row without gaps, and so are the cotangent and a y of x's shape;
 *   - addresses are aligned to one element, no further;
 *   - inputs belong to the caller and are only read; y is written only, and overlaps no input;
 *   - rows and cols may be 0. Then there may be nothing to write, and no element to read.
 *
 * Labels and candidates have been checked: each is a class from 0 to cols - 1, or ignore_index.
 * The functions are called from several threads at once, each with y of its own, unless the library
 * claims thread_safe = false.
 */
#ifndef SOFTMARK_H
#define SOFTMARK_H

#include <stdint.h>

#if defined(_WIN32)
#define SOFTMARK_VISIBLE __declspec(dllexport)
#else
#define SOFTMARK_VISIBLE __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define SOFTMARK_EXPORT extern "C" SOFTMARK_VISIBLE
#else
#define SOFTMARK_EXPORT SOFTMARK_VISIBLE
#endif

/* The 16-bit formats are their bits. Where the compiler has a type for one, name it before this
 * file is included: #define SOFTMARK_F16 _Float16, #define SOFTMARK_BF16 __bf16. */
#ifndef SOFTMARK_F16
#define SOFTMARK_F16 uint16_t
#endif
#ifndef SOFTMARK_BF16
#define SOFTMARK_BF16 uint16_t
#endif

/* What the library says of itself, as JSON. It may be left out, and so may each part of it:
 *
 *     SOFTMARK_BACKEND({"name": "mine", "doc": "Two passes.", "claims": {"max_ulp": 2}})
 *
 * The name is that of the file by default. The claims are those of docs/native.md; verification
 * holds the library to them. Written without this macro:
 *
 *     const char softmark_backend[] = "{\"claims\": {\"max_ulp\": 2}}";
 */
#ifdef __cplusplus
#define SOFTMARK_BACKEND(...)                                                                      \
    extern "C" SOFTMARK_VISIBLE const char softmark_backend[];                                     \
    const char softmark_backend[] = #__VA_ARGS__;
#else
#define SOFTMARK_BACKEND(...) SOFTMARK_EXPORT const char softmark_backend[] = #__VA_ARGS__;
#endif

/* All functions in one format; T is the type of its elements. */
#define SOFTMARK_FUNCTIONS(F, T)                                                                   \
    /* y_j = exp(x_j) / sum_i exp(x_i) along each row */                                           \
    SOFTMARK_EXPORT void softmax_##F(const T *x, T *y, int64_t rows, int64_t cols);                \
    /* y_j = x_j - log(sum_i exp(x_i)) */                                                          \
    SOFTMARK_EXPORT void log_softmax_##F(const T *x, T *y, int64_t rows, int64_t cols);            \
    /* y = log(sum_i exp(x_i)), one a row */                                                       \
    SOFTMARK_EXPORT void logsumexp_##F(const T *x, T *y, int64_t rows, int64_t cols);              \
    /* y = log(sum_i exp(x_i)) - x_label, one a row; 0 where the label is ignore_index */          \
    SOFTMARK_EXPORT void cross_entropy_##F(const T *x, const int64_t *labels, T *y, int64_t rows,  \
                                           int64_t cols, int64_t ignore_index);                    \
    /* y_j = p_j (c_j - sum_i p_i c_i) with p = softmax(x) and c the cotangent */                  \
    SOFTMARK_EXPORT void softmax_vjp_##F(const T *x, const T *cotangent, T *y, int64_t rows,       \
                                         int64_t cols);                                            \
    /* y_j = p_j - [j = label]; 0 where the label is ignore_index */                               \
    SOFTMARK_EXPORT void cross_entropy_grad_##F(const T *x, const int64_t *labels, T *y,           \
                                                int64_t rows, int64_t cols, int64_t ignore_index); \
    /* y_ji = p_j ([j = i] - p_i), a matrix of cols x cols a row */                                \
    SOFTMARK_EXPORT void softmax_jacobian_##F(const T *x, T *y, int64_t rows, int64_t cols);       \
    /* y = log(sum_i exp(s_i)) - s_0, one a row, of the scores s = x - log_expected_count at the   \
     * label, then at each of the count sampled classes, but for those that equal the label if     \
     * remove_accidental_hits is 1 */                                                              \
    SOFTMARK_EXPORT void sampled_cross_entropy_##F(                                                \
        const T *x, const int64_t *labels, const int64_t *sampled, const T *log_expected_count,    \
        T *y, int64_t rows, int64_t cols, int64_t count, int64_t remove_accidental_hits);          \
    /* y = 1 / (1 + exp(-x)), each element by itself */                                            \
    SOFTMARK_EXPORT void sigmoid_##F(const T *x, T *y, int64_t rows, int64_t cols);

SOFTMARK_FUNCTIONS(f64, double)
SOFTMARK_FUNCTIONS(f32, float)
SOFTMARK_FUNCTIONS(f16, SOFTMARK_F16)
SOFTMARK_FUNCTIONS(bf16, SOFTMARK_BF16)

#endif

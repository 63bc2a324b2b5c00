"""The built-in backends: one implementation a file, the file's stem is its registry name.

In the order a reader would learn them, from naive to fast; each step answers what the one before it
left open:

1. `numpy_naive`: the textbook formula exp(x) / sum exp(x), and how it overflows.
2. `numpy_stable`: subtract the maximum first. Three passes over memory and more, and rounding
   x - max costs half an ulp of the gap, which exp turns into a relative error.
3. `numpy_online`: maximum and sum in a single pass, the sum brought to each new maximum.
4. `numba_online`: the same, compiled (Milakov and Gimelshein 2018). One pass less over memory, exp
   twice: what a GPU gains by, and a CPU seldom.
5. `numba_twopass`: no maximum at all, exp as (mantissa, exponent) (Dukhan and Ablavatski 2020).
6. `numba_fast`: three passes while the row is in cache: maximum, exp and sum, result. The maximum
   is taken off the exponent instead of x, so that no subtraction rounds; sums are of what
   exponentials were before they were rounded.
7. `numba_exact`: every result correctly rounded, by proof: more digits where a rounding is open.

4 to 6 share exp (`backends.kernels.fast_arithmetic` and `fast_exp`, with digits to spare in
`fast_exp_parts`), formats (`fast_forms`), passes (`fast_lanes`, `fast_fill`, `fast_sums`) and
the way from any array to rows (`fast_call`), so that what they differ in is the algorithm. The
kernels are best read in that order, then `fast_rows`, `fast_long` and `fast_softmax` (rows short
and long, and the threads that share them), `fast_flow` and `fast_flow_rows` (all passes together,
where registers have 512 bits), `fast_abreast` and `fast_folded` (narrow rows), `fast_ends` and
`fast_family` (logarithms and gradients), `fast_online`, `fast_twopass` and `fast_again`; `lanes`
says what a vector is.

What most people run: `torch_eager` and `torch_eager_cuda`, and the gradients that frameworks derive
by themselves, `torch_autograd` and `jax_grad`. Then the peers: `scipy_special`, `sklearn_extmath`,
`onnxruntime_cpu`, `openvino_cpu`, `jax_jit`, `tensorflow_cpu`, `mlx_cpu` and `torch_compile`. On an
NVIDIA GPU there are `torch_compiled` and `triton_fused` besides. Importing one of these files
imports no array library: kernels are imported when a backend is first used.
"""

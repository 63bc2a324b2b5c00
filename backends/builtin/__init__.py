"""The built-in backends: one implementation a file, the file's stem is its registry name.

In the order a reader would learn them: `numpy_naive` (the textbook formula, and how it overflows),
`numpy_stable` (subtract the maximum first), `numpy_online` (maximum and sum in a single pass),
`numba_online` (the same, compiled), `numba_fast` (three compiled passes over rows in cache),
`torch_eager` and `torch_eager_cuda` (what most people run), `torch_autograd` and `jax_grad` (the
gradients that frameworks derive by themselves), then the peers: `scipy_special`, `sklearn_extmath`,
`onnxruntime_cpu`, `openvino_cpu`, `jax_jit`, `tensorflow_cpu` and `torch_compile`. On an NVIDIA GPU
there are `torch_compiled` and `triton_fused` besides. Importing one of these files imports no array
library: kernels are imported when a backend is first used.
"""

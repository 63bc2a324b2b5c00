"""Shared libraries as backends: kernels in C, C++, Rust or Zig behind the functions of softmark.h.

`interface` says what the functions are called and take, `elf` reads a file without running it,
`library` opens one and says what is wrong with it, `manifest` reads what it says of itself, and
`adaptor` makes backends of it. Nothing here is imported until a library is asked for.
"""

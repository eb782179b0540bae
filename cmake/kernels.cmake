# Leaf kernels, compiled once per instruction set level; nothing else gets -m flags.
set(LEAT_KERNEL_OBJECTS)

/* A function marked so is compiled for several sets of vector instructions, and the processor's best one is called: the
   same bits from all, since nothing is contracted or reordered. Clang, and so zig, links no such choice into a library:
   there it is what every processor has. */
#ifdef FOR_ALL_VECTORS /* a test has chosen */
#elif defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_ALL_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_ALL_VECTORS
#endif

/* misaligned add|swap: an atomic operation on a word that is not aligned, which no hart and no firmware carries out. */
#include <stdbool.h>
#include <stdint.h>

int main(int argc, char **argv)
{
    static _Alignas(8) char memory[16];
    uint32_t *word = (uint32_t *)(void *)(memory + 1), expected = 0;

    if (argc > 1 && argv[1][0] == 'a')
        __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
    else
        __atomic_compare_exchange_n(word, &expected, 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return 0;
}

/* What a page costs that goes to the store of compressed pages and comes back.
 *
 * compress_walk PAGES: writes so many pages that pack three to one, and reads a byte of each in order, again and again; with
 * memory too small for them each one leaves and comes back in every round.  Prints instructions for each
 * page that came, where instructions are counted, and how many came and left. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WALK_PAGE = 4096, WALK_ROUNDS = 4 };

static uint64_t walk_figure(const char *name)
{
    char line[64];
    unsigned long value = 0;
    FILE *file = fopen("/proc/vmstat", "r");

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
            value = strtoul(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

static void walk_write(uint64_t *memory, uint64_t pages)
{
    uint64_t seed = 1;

    for (uint64_t i = 0; i < pages * WALK_PAGE / sizeof *memory; i++) {
        if (i % 5 == 0)
            seed = seed * 6364136223846793005u + 1442695040888963407u;
        memory[i] = i % 5 == 0 ? seed : 0x0123456789abcdefu;
    }
}

static uint64_t walk_cycles(void)
{
    uint64_t cycles;

    __asm__ volatile("rdcycle %0" : "=r"(cycles));
    return cycles;
}

int main(int argc, char **argv)
{
    uint64_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 4096, start, came, left, sum = 0;
    uint64_t *memory =
        mmap(NULL, pages * WALK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("compress_walk");
        return 1;
    }
    walk_write(memory, pages);
    came = walk_figure("zswpin");
    left = walk_figure("zswpout");
    start = walk_cycles();
    for (unsigned round = 0; round < WALK_ROUNDS; round++)
        for (uint64_t page = 0; page < pages; page++)
            sum += ((volatile uint64_t *)memory)[page * (WALK_PAGE / sizeof *memory)];
    start = walk_cycles() - start;
    came = walk_figure("zswpin") - came;
    left = walk_figure("zswpout") - left;
    printf("%lu pages came, %lu left; %lu instructions for each that came (%lx)\n",
           (unsigned long)came, (unsigned long)left, (unsigned long)(came ? start / came : 0),
           (unsigned long)sum);
    return 0;
}

/* What one program leaves in memory, another never sees.
 *
 * usage: dirty_reuse fill PAGES    fills fresh pages with 0xa5 and ends without cleaning up
 *        dirty_reuse check PAGES   looks for anything but zeros in fresh pages */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t dirty_check(const volatile unsigned char *memory, size_t bytes)
{
    size_t wrong = 0;

    for (size_t i = 0; i < bytes; i++)
        if (memory[i] != 0) {
            if (wrong == 0)
                printf("byte %zu of fresh memory is 0x%02x\n", i, memory[i]);
            wrong++;
        }
    return wrong;
}

int main(int argc, char **argv)
{
    size_t pages = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, size = (size_t)getpagesize();
    int fill = argc == 3 && strcmp(argv[1], "fill") == 0;
    unsigned char *memory;

    if (pages == 0 || (!fill && strcmp(argv[1], "check") != 0)) {
        fprintf(stderr, "usage: dirty_reuse fill|check PAGES\n");
        return 2;
    }
    memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("dirty_reuse: mmap");
        return 2;
    }
    if (fill) {
        memset(memory, 0xa5, pages * size);
        return 0;
    }
    for (size_t i = 0; i < pages; i++)
        memory[i * size] = 0; /* a write: gets a frame, not the shared zero page */
    return dirty_check(memory, pages * size) ? 1 : 0;
}

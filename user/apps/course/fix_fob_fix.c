/* The exercise: a file holds "foo" and is mapped three times, shared to write, private, and shared to read.
 * What do the three show after a 'b' through the private one, and an 'x' and an 'i' through the first?
 *
 * The shared two show the file.  The private one got a page of its own at its first write, so it keeps
 * what the file held then.
 *
 * usage: fix_fob_fix */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES 3 /* of the file */

static char *fix_map(int protection, int sharing, int file)
{
    return mmap(NULL, BYTES, protection, sharing, file, 0);
}

int main(void)
{
    int file = open("/tmp/fix_fob_fix", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *shared = fix_map(PROT_READ | PROT_WRITE, MAP_SHARED, file);
    char *private = fix_map(PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
    char *reader = fix_map(PROT_READ, MAP_SHARED, file);

    unlink("/tmp/fix_fob_fix");
    if (write(file, "foo", BYTES) != BYTES || shared == MAP_FAILED || private == MAP_FAILED ||
        reader == MAP_FAILED) {
        perror("fix_fob_fix");
        return 2;
    }
    private[2] = 'b';
    shared[2] = 'x';
    shared[1] = 'i';
    printf("%.3s/%.3s/%.3s\n", shared, private, reader);
    return 0;
}

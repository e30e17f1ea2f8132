/* Copies its input to its output through the streams, byte by byte; says on stderr how many. */
#include <stdio.h>

int main(void)
{
    unsigned long bytes = 0;
    int c;

    setvbuf(stdout, NULL, _IOFBF, 4096);
    while ((c = getchar()) != EOF) {
        if (putchar(c) == EOF)
            return 1;
        bytes++;
    }
    if (fflush(stdout))
        return 1;
    fprintf(stderr, "copy: %lu bytes\n", bytes);
    return 0;
}

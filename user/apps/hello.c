/* The first program: shows that arguments, floating point and the program's own pages are there. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello from a program whose every page came by a message.\n");
    printf("main is at %p, pi is about %.6f\n", (void *)main, 355.0 / 113.0);
    for (int i = 0; i < argc; i++)
        printf("argv[%d] = \"%s\"\n", i, argv[i]);
    return 0;
}

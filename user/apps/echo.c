/* Writes its arguments, separated by blanks; with -n first, without the end of the line. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    int line = !(argc > 1 && strcmp(argv[1], "-n") == 0);
    int first = line ? 1 : 2;

    for (int i = first; i < argc; i++)
        printf("%s%s", i > first ? " " : "", argv[i]);
    if (line)
        printf("\n");
    return fflush(stdout) ? 1 : 0;
}

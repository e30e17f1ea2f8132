/* Ends with the status that its argument names, or by a signal: exitwith signal N. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "signal") == 0)
        return raise(atoi(argv[2]));
    if (argc != 2) {
        fprintf(stderr, "usage: exitwith STATUS | exitwith signal NUMBER\n");
        return 2;
    }
    return atoi(argv[1]);
}

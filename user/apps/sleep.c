/* Sleeps for the seconds that its argument names; fractions are fine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    char *end = NULL;
    double seconds = argc == 2 ? strtod(argv[1], &end) : -1;
    struct timespec wanted;

    if (!end || *end || end == argv[1] || !(seconds >= 0 && seconds < 1e9)) {
        fprintf(stderr, "usage: sleep SECONDS\n");
        return 2;
    }
    wanted.tv_sec = (time_t)seconds;
    wanted.tv_nsec = (long)((seconds - (double)wanted.tv_sec) * 1e9);
    return nanosleep(&wanted, NULL) ? 1 : 0;
}

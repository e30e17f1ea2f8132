/* One virtual address, two contents: run it twice at once with different texts.
 *
 * usage: hello_vm [TEXT [SECONDS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char text[32] __attribute__((aligned(64))) = "";
    double seconds = argc > 2 ? atof(argv[2]) : 1.0;
    struct timespec pause = {.tv_sec = (time_t)seconds};

    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    if (argc > 1)
        strncpy(text, argv[1], sizeof text - 1);
    else
        snprintf(text, sizeof text, "process %d", (int)getpid());
    printf("[%d] text at %p holds \"%s\"\n", (int)getpid(), (void *)text, text);
    nanosleep(&pause, NULL);
    printf("[%d] text at %p still holds \"%s\"\n", (int)getpid(), (void *)text, text);
    return 0;
}

/* Ends the use of disks for swap, when all that is there has come back.
 *
 * usage: swapoff DISK... | swapoff -a */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>

#define SWAPOFF_DISKS 8

/* Returns: whether all went well. */
static int swapoff_end(const char *disk)
{
    if (swapoff(disk) == 0)
        return 1;
    fprintf(stderr, "swapoff: %s: swapoff failed: %s\n", disk, strerror(errno));
    return 0;
}

/* Those that are used now; the list is read before the first one goes. */
static int swapoff_end_all(void)
{
    static char name[SWAPOFF_DISKS][64];
    FILE *file = fopen("/proc/swaps", "r");
    char line[256];
    int count = 0, fine = 1;

    if (!file) {
        fprintf(stderr, "swapoff: /proc/swaps: %s\n", strerror(errno));
        return 0;
    }
    while (count < SWAPOFF_DISKS && fgets(line, sizeof line, file))
        if (sscanf(line, "%63s", name[count]) == 1 && name[count][0] == '/')
            count++;
    fclose(file);
    for (int i = 0; i < count; i++)
        fine &= swapoff_end(name[i]);
    return fine;
}

int main(int argc, char **argv)
{
    int fine = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: swapoff DISK... | swapoff -a\n");
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "-a") == 0)
        return swapoff_end_all() ? 0 : 32;
    for (int i = 1; i < argc; i++)
        fine &= swapoff_end(argv[i]);
    return fine ? 0 : 32;
}

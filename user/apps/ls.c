/* Lists all files that have a name, with their sizes: of the initrd, /dev, /tmp and /dev/shm.  Names as
 * arguments list just those. */
#include <errno.h>
#include <faultline/process.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int ls_named(int count, char **names)
{
    int status = 0;

    for (int i = 0; i < count; i++) {
        struct stat file;

        if (stat(names[i], &file) == 0) {
            printf("%9lld  %s\n", (long long)file.st_size, names[i]);
            continue;
        }
        fprintf(stderr, "ls: %s: %s\n", names[i], strerror(errno));
        status = 1;
    }
    return status;
}

int main(int argc, char **argv)
{
    char name[256];
    uint64_t bytes;

    if (argc > 1)
        return ls_named(argc - 1, argv + 1);
    for (unsigned i = 0; faultline_file_name(i, name, sizeof name, &bytes) == 0; i++)
        printf("%9" PRIu64 "  %s\n", bytes, strchr(name + 1, '/') ? name : name + 1);
    return errno == ENOENT ? 0 : 1;
}

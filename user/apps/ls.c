/* Lists all files that have a name, with their sizes: of the initrd, /dev, /tmp and /dev/shm.  Names as
 * arguments list just those, and those below them. */
#include <errno.h>
#include <faultline/process.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void ls_print(uint64_t bytes, const char *name)
{
    printf("%9" PRIu64 "  %s\n", bytes, name);
}

/* All files below a directory, of which there are no others than their names say.  Returns: whether all were
 * listed. */
static int ls_below(const char *directory)
{
    size_t skip = strspn(directory, "/"), length = strlen(directory + skip);
    char name[256];
    uint64_t bytes;

    while (length > 0 && directory[skip + length - 1] == '/')
        length--;
    for (unsigned i = 0; faultline_file_name(i, name, sizeof name, &bytes) == 0; i++)
        if (length == 0 ||
            (strncmp(name + 1, directory + skip, length) == 0 && name[1 + length] == '/'))
            ls_print(bytes, strchr(name + 1, '/') ? name : name + 1);
    return errno == ENOENT;
}

static int ls_named(int count, char **names)
{
    int status = 0;

    for (int i = 0; i < count; i++) {
        struct stat file;

        if (stat(names[i], &file) == 0) {
            if (!S_ISDIR(file.st_mode))
                ls_print((uint64_t)file.st_size, names[i]);
            else if (!ls_below(names[i]))
                status = 1;
            continue;
        }
        fprintf(stderr, "ls: %s: %s\n", names[i], strerror(errno));
        status = 1;
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return ls_named(argc - 1, argv + 1);
    return ls_below("/") ? 0 : 1;
}

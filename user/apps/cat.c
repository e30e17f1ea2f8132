/* Writes the files that its arguments name, or its input, to its output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Returns: whether all went well. */
static int cat_copy(int fd, const char *name)
{
    static char buffer[4096];
    ssize_t got;

    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        if (write(STDOUT_FILENO, buffer, (size_t)got) < 0)
            break;
    if (got == 0)
        return 1;
    fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
    return 0;
}

static int cat_file(const char *name)
{
    int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY);
    int fine;

    if (fd < 0) {
        fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
        return 0;
    }
    fine = cat_copy(fd, name);
    if (fd != STDIN_FILENO)
        close(fd);
    return fine;
}

int main(int argc, char **argv)
{
    int fine = 1;

    if (argc < 2)
        fine = cat_copy(STDIN_FILENO, "input");
    for (int i = 1; i < argc; i++)
        fine &= cat_file(argv[i]);
    return fine ? 0 : 1;
}

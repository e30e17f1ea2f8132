/* Settings of the pager, as Linux's sysctl shows and writes them.
 *
 * usage: sysctl vm.NAME... | sysctl vm.NAME=VALUE... | sysctl -a */
#include <errno.h>
#include <faultline/setting.h>
#include <stdio.h>
#include <string.h>

#define SYSCTL_BYTES 256u

/* The name behind "vm.", or NULL: there are no other settings. */
static const char *sysctl_skip(const char *name)
{
    return strncmp(name, "vm.", 3) == 0 ? name + 3 : NULL;
}

static int sysctl_show(const char *key)
{
    const char *name = sysctl_skip(key);
    char value[SYSCTL_BYTES];

    if (!name || faultline_setting_read(name, value, sizeof value) != 0) {
        fprintf(stderr, "sysctl: %s: %s\n", key, strerror(name ? errno : ENOENT));
        return 0;
    }
    printf("%s = %s\n", key, value);
    return 1;
}

static int sysctl_write(const char *key, const char *value)
{
    const char *name = sysctl_skip(key);

    if (name && faultline_setting_write(name, value) == 0)
        return sysctl_show(key);
    if (name && errno != ENOENT)
        fprintf(stderr, "sysctl: setting key \"%s\": %s\n", key, strerror(errno));
    else
        fprintf(stderr, "sysctl: %s: %s\n", key, strerror(ENOENT));
    return 0;
}

/* NAME or NAME=VALUE.  Returns: whether all went well. */
static int sysctl_do(char *argument)
{
    char *value = strchr(argument, '=');

    if (!value)
        return sysctl_show(argument);
    *value = '\0';
    return sysctl_write(argument, value + 1);
}

static int sysctl_show_all(void)
{
    char key[SYSCTL_BYTES] = "vm.";

    for (unsigned i = 0; faultline_setting_name(i, key + 3, sizeof key - 3) == 0; i++)
        if (!sysctl_show(key))
            return 0;
    return errno == ENOENT;
}

int main(int argc, char **argv)
{
    int fine = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: sysctl vm.NAME[=VALUE]... | sysctl -a\n");
        return 2;
    }
    if (argc == 2 && strcmp(argv[1], "-a") == 0)
        return sysctl_show_all() ? 0 : 1;
    for (int i = 1; i < argc; i++)
        fine &= sysctl_do(argv[i]);
    return fine ? 0 : 1;
}

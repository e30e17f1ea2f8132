/* Instruction sets of harts: see isa.h. */
#include "isa.h"

/* Names of several letters, but those that begin with s: they need supervisor mode. */
static bool begins_long_name(char c)
{
    return c == '_' || c == 'z' || c == 'x';
}

bool isa_is_usable(const char *text)
{
    bool has_user = false, has_supervisor = false;

    for (const char *start = "rv64"; *start != 0; start++)
        if (*text++ != *start)
            return false;
    for (; *text != 0 && !begins_long_name(*text); text++) {
        has_user |= *text == 'u';
        has_supervisor |= *text == 's';
    }
    return has_supervisor || !has_user;
}

bool isa_list_is_usable(const struct fdt_prop *extensions)
{
    for (const char *name = "m\0a\0c\0"; *name != 0; name += 2)
        if (!fdt_prop_has_string(extensions, name))
            return false;
    return true;
}

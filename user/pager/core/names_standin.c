#include <string.h>
#include "view_kinds.h"
size_t names_of_file(const struct vm *vm, const struct object *file, char *out, size_t bytes)
{
    (void)vm;
    size_t n = file->file ? file->file->name_bytes : 0;
    if (n == 0) { out[0] = 0; return 0; }
    if (n > bytes - 2) n = bytes - 2;
    out[0] = '/';
    memcpy(out + 1, file->file->name, n);
    out[n + 1] = 0;
    return n + 1;
}

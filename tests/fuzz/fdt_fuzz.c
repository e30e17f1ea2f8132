/* Fuzz target: any bytes as a device tree, our reader against libfdt, and machine_read against its
 * invariants. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c tests/unit/tree_model.c */
/* libs: -lfdt */
#include <stdio.h>
#include <stdlib.h>

#include "tree_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(const char *wrong)
{
    if (!wrong)
        return;
    fprintf(stderr, "fdt_fuzz: %s\n", wrong);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(tree_model_compare(data, size));
    require(tree_model_check_machine(data, size));
    return 0;
}

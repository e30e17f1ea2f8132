/* Fuzz target: any bytes as a device tree, our reader against libfdt, and machine_read against its
 * invariants. */
/* sources: drivers/fdt.c drivers/machine.c drivers/devices.c drivers/isa.c tests/unit/tree_model.c */
/* libs: -lfdt */
#include "fuzz.h"
#include "tree_model.h"

const char fuzz_name[] = "fdt";

static void require(const char *wrong)
{
    if (wrong)
        harness_fail(__FILE__, __LINE__, wrong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(tree_model_compare(data, size));
    require(tree_model_check_machine(data, size));
    return 0;
}

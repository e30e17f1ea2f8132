/* Owns the rule by which devices are opened to programs, see device_choice.h. */
#include "device_choice.h"

#include <string.h>

#include "boot_device.h"

_Static_assert((int)FL_BOOT_DEVICES_MAX <= 64, "a bit for each device");

bool device_choice_names(const struct boot_word *word, const struct fl_boot_device *device)
{
    size_t told = strlen(device->compatible), most = sizeof device->compatible - 1;
    size_t bytes = word->bytes < most ? word->bytes : most; /* a longer name was cut */

    return told == bytes && memcmp(device->compatible, word->text, bytes) == 0;
}

static bool choice_is_named(const struct boot_arguments *arguments,
                            const struct fl_boot_device *device)
{
    for (unsigned i = 0; i < arguments->device_count; i++)
        if (device_choice_names(&arguments->device[i], device))
            return true;
    return false;
}

static bool choice_share_page(const struct fl_boot_device *a, const struct fl_boot_device *b)
{
    uint64_t first_a = boot_device_first_page(a), first_b = boot_device_first_page(b);

    return first_a < first_b + boot_device_pages(b) && first_b < first_a + boot_device_pages(a);
}

void device_choice_decide(const struct boot_arguments *arguments,
                          const struct fl_boot_device *devices, uint64_t count, uint64_t driven,
                          enum device_verdict verdict[FL_BOOT_DEVICES_MAX])
{
    unsigned open = 0;

    for (uint64_t i = 0; i < count; i++)
        if (!choice_is_named(arguments, &devices[i]))
            verdict[i] = DEVICE_UNNAMED;
        else
            verdict[i] = driven >> i & 1 ? DEVICE_DRIVEN : DEVICE_OPEN;
    for (uint64_t i = 0; i < count; i++) {
        for (uint64_t k = 0; k < count && verdict[i] == DEVICE_OPEN; k++)
            if ((verdict[k] == DEVICE_UNNAMED || verdict[k] == DEVICE_DRIVEN) &&
                choice_share_page(&devices[i], &devices[k]))
                verdict[i] = DEVICE_BESIDE;
        if (verdict[i] == DEVICE_OPEN && open == DEVICE_CHOICE_MAX)
            verdict[i] = DEVICE_TOO_MANY;
        open += verdict[i] == DEVICE_OPEN;
    }
}

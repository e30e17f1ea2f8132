/* Owns the lines about devices that boot arguments name, see device_grants.h. */
#include "device_grants.h"

#include <string.h>

#include "log.h"

#define GRANTS_LINE_BYTES 240u

static const struct fl_boot_device *grants_told(void)
{
    return (const struct fl_boot_device *)(uintptr_t)FL_BOOT_DEVICE_INFO;
}

static void grants_tell(const struct fl_boot_device *device, enum device_verdict verdict)
{
    static const char *const words[] = {
        [DEVICE_OPEN] = "programs may open it",
        [DEVICE_DRIVEN] = "our driver has it, programs may not open it",
        [DEVICE_BESIDE] = "shares a page with a device that is not named or that our driver has, "
                          "programs may not open it",
        [DEVICE_TOO_MANY] = "programs may open as many as there is room for without it"};

    log_line("device `%s` at 0x%lx: %s", device->compatible, device->physical, words[verdict]);
}

static bool grants_is_repeated(uint64_t device)
{
    for (uint64_t i = 0; i < device; i++)
        if (strcmp(grants_told()[i].compatible, grants_told()[device].compatible) == 0)
            return true;
    return false;
}

/* The names of all devices, in as many lines as they take. */
static void grants_tell_names(uint64_t count)
{
    char line[GRANTS_LINE_BYTES] = "";

    for (uint64_t i = 0; i < count; i++) {
        const char *name = grants_told()[i].compatible;

        if (!name[0] || grants_is_repeated(i))
            continue;
        if (strlen(line) + 1 + strlen(name) >= sizeof line) {
            log_line("devices:%s", line);
            line[0] = '\0';
        }
        strcat(line, " ");
        strcat(line, name);
    }
    log_line("devices:%s", line[0] ? line : " none");
}

static bool grants_is_name(const struct boot_word *word, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (device_choice_names(word, &grants_told()[i]))
            return true;
    return false;
}

/* True if the word is no device's name; says so. */
static bool grants_complain(const struct boot_word *word, uint64_t count)
{
    char text[sizeof((struct fl_boot_device *)0)->compatible];
    size_t bytes = word->bytes < sizeof text ? word->bytes : sizeof text - 1;

    if (grants_is_name(word, count))
        return false;
    memcpy(text, word->text, bytes);
    text[bytes] = '\0';
    log_line("boot arguments: there is no device `%s` that programs could open", text);
    return true;
}

void device_grants_make(struct device_grants *grants, const struct fl_boot_info *info,
                        const struct boot_arguments *arguments, uint64_t driven)
{
    enum device_verdict verdict[FL_BOOT_DEVICES_MAX];
    bool unknown = false;

    grants->count = 0;
    device_choice_decide(arguments, grants_told(), info->device_count, driven, verdict);
    for (uint64_t i = 0; i < info->device_count; i++) {
        if (verdict[i] == DEVICE_OPEN)
            grants->index[grants->count++] = i;
        if (verdict[i] != DEVICE_UNNAMED)
            grants_tell(&grants_told()[i], verdict[i]);
    }
    for (unsigned i = 0; i < arguments->device_count; i++)
        unknown |= grants_complain(&arguments->device[i], info->device_count);
    if (unknown)
        grants_tell_names(info->device_count);
}

void device_grants_describe(const struct device_grants *grants, struct fl_boot_device *out)
{
    for (unsigned i = 0; i < grants->count; i++)
        out[i] = grants_told()[grants->index[i]];
}

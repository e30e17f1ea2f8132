/* Owns nothing: the parser of the command line, see boot_arguments.h. */
#include "boot_arguments.h"

#include <stddef.h>
#include <string.h>

#define DISK_LIMIT_MS     10000u
#define DISK_LIMIT_MAX_MS 3600000u
#define MEMORY_MAX_BYTES  (1ull << 50) /* more than there can be */

static bool boot_is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool boot_parse_nonce(const char *value, size_t bytes, struct boot_arguments *out)
{
    if (bytes == 0 || bytes > BOOT_NONCE_BYTES)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (!boot_is_hex(value[i]))
            return false;
    memcpy(out->nonce, value, bytes);
    out->nonce[bytes] = '\0';
    return true;
}

/* The place of the value among `words`, which end with NULL; theirs is the end when it is none of them. */
static size_t boot_find_word(const char *value, size_t bytes, const char *const *words)
{
    size_t place = 0;

    while (words[place] &&
           (strlen(words[place]) != bytes || memcmp(value, words[place], bytes) != 0))
        place++;
    return place;
}

static bool boot_parse_tour(const char *value, size_t bytes, struct boot_arguments *out)
{
    static const char *const words[] = {
        [BOOT_TOUR_FIRST] = "yes", [BOOT_TOUR_SKIPPED] = "no", [BOOT_TOUR_ONLY] = "only", NULL};
    size_t place = boot_find_word(value, bytes, words);

    if (!words[place])
        return false;
    out->tour = (enum boot_tour)place;
    return true;
}

static bool boot_parse_clock(const char *value, size_t bytes, struct boot_arguments *out)
{
    if (bytes != 4)
        return false;
    out->counts_work = memcmp(value, "work", 4) == 0;
    return out->counts_work || memcmp(value, "time", 4) == 0;
}

/* False unless all bytes are digits, of a number from 1 to `most`. */
static bool boot_parse_number(const char *value, size_t bytes, uint64_t most, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < '0' || value[i] > '9' || *number > most)
            return false;
        *number = *number * 10 + (uint64_t)(value[i] - '0');
    }
    return *number > 0 && *number <= most;
}

static bool boot_parse_disk_limit(const char *value, size_t bytes, struct boot_arguments *out)
{
    uint64_t number;
    bool good = boot_parse_number(value, bytes, DISK_LIMIT_MAX_MS, &number);

    out->disk_limit_ms = (uint32_t)number;
    return good;
}

static bool boot_parse_memory(const char *value, size_t bytes, struct boot_arguments *out)
{
    static const char units[] = "KMG"; /* each 1,024 of the one before */
    const char *unit = bytes > 0 ? memchr(units, value[bytes - 1], sizeof units - 1) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

    if (!boot_parse_number(value, unit ? bytes - 1 : bytes, MEMORY_MAX_BYTES >> shift,
                           &out->memory_bytes))
        return false;
    out->memory_bytes <<= shift;
    return true;
}

static bool boot_parse_device(const char *value, size_t bytes, struct boot_arguments *out)
{
    if (bytes == 0 || out->device_count == BOOT_DEVICES_MAX)
        return false;
    out->device[out->device_count++] = (struct boot_word){value, bytes};
    return true;
}

static bool boot_parse_word(const char *word, size_t bytes, struct boot_arguments *out)
{
    /* Where nothing is parsed: the values that the pager, which reads them itself, knows. */
    static const struct {
        const char *key;
        bool (*parse)(const char *value, size_t bytes, struct boot_arguments *out);
        const char *words[3];
    } keys[] = {{"nonce=", boot_parse_nonce, {0}},
                {"tour=", boot_parse_tour, {0}},
                {"mem=", boot_parse_memory, {0}},
                {"clock=", boot_parse_clock, {0}},
                {"disk-limit=", boot_parse_disk_limit, {0}},
                {"device=", boot_parse_device, {0}},
                {"overcommit=", NULL, {"strict", "heuristic"}},
                {"fork=", NULL, {"fault", "clone"}},
                {"events=", NULL, {"0", "1"}}};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t length = strlen(keys[i].key);

        if (bytes < length || memcmp(word, keys[i].key, length) != 0)
            continue;
        word += length;
        bytes -= length;
        return keys[i].parse ? keys[i].parse(word, bytes, out)
                             : keys[i].words[boot_find_word(word, bytes, keys[i].words)] != NULL;
    }
    return true;
}

void boot_arguments_parse(const char *text, struct boot_arguments *out)
{
    *out = (struct boot_arguments){.tour = BOOT_TOUR_FIRST, .disk_limit_ms = DISK_LIMIT_MS};
    while (*text) {
        size_t bytes = strcspn(text, " ");

        if (!boot_parse_word(text, bytes, out) && !out->refused)
            out->refused = text;
        text += bytes;
        text += strspn(text, " ");
    }
}

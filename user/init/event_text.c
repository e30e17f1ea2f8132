/* Owns nothing: words for the pager's events, see event_text.h. */
#include "event_text.h"

#include "protocol.h"
#include "text.h"

static const char *event_access(uint64_t access)
{
    if (access & FL_ACCESS_EXEC)
        return "instruction fetch from";
    return access & FL_ACCESS_WRITE ? "write to" : "read from";
}

/* Spec: RISC-V Privileged 1.12, table 4.2. */
static const char *event_cause(uint64_t cause)
{
    static const char *const causes[] = {
        [0] = "misaligned instruction", [1] = "instruction access fault",
        [2] = "illegal instruction",    [3] = "breakpoint",
        [4] = "misaligned load",        [5] = "load access fault",
        [6] = "misaligned store",       [7] = "store access fault",
    };

    return cause < sizeof causes / sizeof causes[0] ? causes[cause] : "exception";
}

static size_t event_fault(const struct pager_event *event, const char *why, char *out,
                          size_t out_bytes)
{
    return text_format(out, out_bytes, "%s 0x%lx (%s) at pc 0x%lx", event_access(event->access),
                       event->address, why, event->pc);
}

/* Who has the most pages is ended for the others, whatever it was doing. */
static size_t event_no_memory(const struct pager_event *event, char *out, size_t out_bytes)
{
    if (event->access == 0)
        return text_format(out, out_bytes, "no memory is left, and it had the most, %lu pages",
                           event->address);
    return event_fault(event, "no free frame left", out, out_bytes);
}

size_t event_text(const struct pager_event *event, char *out, size_t out_bytes)
{
    switch (event->kind) {
    case PAGER_EVENT_UNMAPPED:
        return event_fault(event, "not mapped", out, out_bytes);
    case PAGER_EVENT_PROTECTION:
        return event_fault(event, "not allowed there", out, out_bytes);
    case PAGER_EVENT_MEMORY:
        return event_fault(event, "no memory behind the address", out, out_bytes);
    case PAGER_EVENT_NO_MEMORY:
        return event_no_memory(event, out, out_bytes);
    case PAGER_EVENT_BEYOND_END:
        return event_fault(event, "past the end of the file", out, out_bytes);
    case PAGER_EVENT_UNREADABLE:
        return event_fault(event, "can't be read from where it is kept", out, out_bytes);
    case PAGER_EVENT_EXCEPTION:
        return text_format(out, out_bytes, "%s (cause %lu, value 0x%lx) at pc 0x%lx",
                           event_cause(event->access), event->access, event->address, event->pc);
    case PAGER_EVENT_SYSCALL:
        return text_format(out, out_bytes, "unknown system call %lu at pc 0x%lx", event->address,
                           event->pc);
    default:
        return text_format(out, out_bytes, "event of unknown kind %lu, address 0x%lx, pc 0x%lx",
                           event->kind, event->address, event->pc);
    }
}

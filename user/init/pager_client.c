/* Owns nothing: the pager's protocol seen from its client, see pager_client.h. */
#include "pager_client.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "slots.h"
#include "watch.h"

static char *pager_buffer(void)
{
    return (char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

static uint64_t pager_payload_words(size_t bytes)
{
    return 4 + (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

/* `words` counts all words of the message. */
static struct fl_message pager_call(enum pager_call call, uint64_t words, uint64_t w0, uint64_t w1,
                                    uint64_t w2)
{
    uint32_t label = FL_PROTOCOL_LABEL(PAGER_VERSION, call);
    struct fl_message answer;

    watch_begin_call();
    answer = fl_ipc_call(SLOT_PAGER_ROOT, FL_INFO(label, words), w0, w1, w2, 0);
    watch_end_call();
    if (answer.status != FL_OK || FL_INFO_LABEL(answer.info) != 0)
        log_stop("pager: call %u: status 0x%lx, label 0x%x", (unsigned)call, answer.status,
                 FL_INFO_LABEL(answer.info));
    return answer;
}

int pager_create_space(uint32_t pid, uint32_t parent, uint64_t *space, uint64_t *tcb_slot)
{
    struct fl_message answer = pager_call(PAGER_SPACE_CREATE, 4, pid, parent, 0);

    *space = answer.word[1];
    *tcb_slot = answer.word[2];
    return (int)answer.word[0];
}

int pager_fork_space(uint64_t parent, uint32_t pid, uint64_t *space, uint64_t *tcb_slot)
{
    struct fl_message answer = pager_call(PAGER_SPACE_FORK, 4, parent, pid, 0);

    *space = answer.word[1];
    *tcb_slot = answer.word[2];
    return (int)answer.word[0];
}

int pager_attach_space(uint64_t space)
{
    return (int)pager_call(PAGER_SPACE_ATTACH, 4, space, 0, 0).word[0];
}

int pager_load_program(uint64_t space, const char *name, struct pager_program *program)
{
    size_t bytes = strlen(name);
    struct fl_message answer;

    if (bytes > FL_PROTOCOL_BYTES)
        return ENAMETOOLONG;
    memcpy(pager_buffer(), name, bytes);
    answer = pager_call(PAGER_SPACE_LOAD, pager_payload_words(bytes), space, bytes, 0);
    bytes = answer.word[0] == ENOEXEC ? answer.word[3] : 0;
    if (bytes >= PAGER_REASON_BYTES)
        bytes = PAGER_REASON_BYTES - 1;
    *program = (struct pager_program){.entry = answer.word[1], .stack_end = answer.word[2]};
    memcpy(program->reason, pager_buffer(), bytes);
    return (int)answer.word[0];
}

int pager_write_space(uint64_t space, uint64_t address, const void *bytes, size_t count)
{
    memcpy(pager_buffer(), bytes, count);
    return (int)pager_call(PAGER_SPACE_WRITE, pager_payload_words(count), space, address, count)
        .word[0];
}

int pager_destroy_space(uint64_t space, struct posix_usage *usage)
{
    struct fl_message answer = pager_call(PAGER_SPACE_DESTROY, 4, space, 0, 0);

    usage->minor_faults = answer.word[1];
    usage->major_faults = answer.word[2];
    usage->peak_pages = answer.word[3];
    return (int)answer.word[0];
}

int pager_next_event(struct pager_event *event)
{
    struct fl_message answer = pager_call(PAGER_NEXT_EVENT, 4, 0, 0, 0);
    uint64_t rest[3];

    memcpy(rest, pager_buffer(), sizeof rest);
    *event = (struct pager_event){.space = answer.word[1],
                                  .signal = answer.word[2],
                                  .address = answer.word[3],
                                  .pc = rest[0],
                                  .access = rest[1],
                                  .kind = rest[2]};
    return (int)answer.word[0];
}

int pager_take_frames(uint64_t pages, struct pager_frames *frames)
{
    struct fl_message answer = pager_call(PAGER_FRAME_TAKE, 4, pages, 0, 0);

    *frames =
        (struct pager_frames){answer.word[1], answer.word[2], answer.word[0] == 0 ? pages : 0};
    return (int)answer.word[0];
}

int pager_give_frames(const struct pager_frames *frames)
{
    return (int)pager_call(PAGER_FRAME_GIVE, 4, frames->range, frames->page, frames->pages).word[0];
}

int pager_read_statistic(uint64_t which, uint64_t *value)
{
    struct fl_message answer = pager_call(PAGER_STATISTICS, 4, which, 0, 0);

    *value = answer.word[1];
    return (int)answer.word[0];
}

uint64_t pager_probe(void)
{
    uint64_t requests, suspended;
    int error = pager_read_statistic(PAGER_STAT_DISK_REQUESTS, &requests);

    error |= pager_read_statistic(PAGER_STAT_SUSPENDED, &suspended); /* so many calls as it says */
    return error ? 0 : requests + suspended;
}

/* Owns the receive loop, the Replies, and who is parked in which call.
 *
 *  S1  a Reply of the stock is in exactly one place: free, `receiving`, or a parked process's;
 *  S2  a process is parked in at most one call, and only while it runs;
 *  S3  the input timer is armed exactly while a process is parked in READ and the console has no
 *      driver, which signals EVENT_CONSOLE;
 *  S4  nothing is printed between writing an answer's bytes into the message buffer and the answer.
 *
 * The pager may be called from anywhere here: it never calls us, it signals. */
#include "server.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "argument_block.h"
#include "console.h"
#include "log.h"
#include "process.h"
#include "session.h"
#include "slots.h"
#include "watch.h"

#define INPUT_PERIOD_MIN_US 100u
#define INPUT_PERIOD_MAX_US 10000u
#define WAIT_NO_HANG        1u
#define REPLIES             STOCK_OBJECTS

enum parked_in { PARKED_NOWHERE, PARKED_READ, PARKED_WAIT };

struct parked {
    enum parked_in in;
    uint64_t reply;
    uint64_t order;  /* of arrival, over all */
    uint64_t wanted; /* READ: bytes; WAIT: pid, 0 = any */
};

static struct {
    uint64_t receiving; /* slot of the Reply for the next message */
    uint64_t free_replies[REPLIES];
    unsigned free_count;
    struct parked parked[PROCESSES_MAX]; /* by process_index */
    uint64_t arrivals;
    uint64_t timebase_hz;
    uint64_t input_period_us;
    struct argument_blocks arguments;
} server;

enum server_outcome {
    SERVER_ANSWER,  /* the message holds the answer */
    SERVER_SILENCE, /* nobody to answer: the caller is gone */
    SERVER_PARK     /* answered later, through the Reply that received the call */
};

typedef enum server_outcome server_handler(struct process *caller, struct fl_message *message);

/* --- messages ----------------------------------------------------------------------------------
 */

static char *server_buffer(void)
{
    return (char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

static enum server_outcome server_answer(struct fl_message *message, int error, uint64_t word1,
                                         uint64_t word2)
{
    message->info = FL_INFO(0, 4);
    message->word[0] = (uint64_t)error;
    message->word[1] = word1;
    message->word[2] = word2;
    message->word[3] = 0;
    return SERVER_ANSWER;
}

static enum server_outcome server_fail(struct fl_message *message, int error)
{
    return server_answer(message, error, 0, 0);
}

/* The answer of a READ: errno, count, and the bytes (S4).  What fills their last word up is nobody's. */
static enum server_outcome server_answer_bytes(struct fl_message *message, const char *bytes,
                                               size_t count)
{
    server_answer(message, 0, count, 0);
    message->info = FL_INFO(0, 4 + (count + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    memcpy(server_buffer(), bytes, count);
    memset(server_buffer() + count, 0, -count % sizeof(uint64_t));
    return SERVER_ANSWER;
}

/* Copies `count` bytes that came with a message to `out` (FL_PROTOCOL_BYTES); false if the message
 * does not carry so many. */
static bool server_take_bytes(const struct fl_message *message, uint64_t count, char *out)
{
    uint64_t words = FL_INFO_WORDS(message->info);

    if (words <= 4 ? count > 0 : count > (words - 4) * sizeof(uint64_t))
        return false;
    memcpy(out, server_buffer(), count);
    return true;
}

/* --- parking -----------------------------------------------------------------------------------
 */

static struct parked *server_parked(const struct process *process)
{
    return &server.parked[process_index(process)];
}

static enum server_outcome server_park(const struct process *process, enum parked_in in,
                                       uint64_t wanted, struct fl_message *message)
{
    /* A caller waits for its answer, so it is parked once at most, and one Reply each is in stock. */
    if (server_parked(process)->in != PARKED_NOWHERE || server.free_count == 0)
        return server_fail(message, EAGAIN);
    *server_parked(process) = (struct parked){in, server.receiving, server.arrivals++, wanted};
    server.receiving = server.free_replies[--server.free_count];
    watch_end_work();
    return SERVER_PARK;
}

/* The Reply returns to the stock; whoever it held was answered or is gone. */
static void server_unpark(struct parked *parked)
{
    if (parked->in == PARKED_NOWHERE)
        return;
    server.free_replies[server.free_count++] = parked->reply;
    parked->in = PARKED_NOWHERE;
    watch_begin_work();
}

/* A refusal means that the caller died meanwhile: nobody misses the answer. */
static void server_answer_parked(struct parked *parked, const struct fl_message *message)
{
    (void)fl_ipc_reply(parked->reply, message->info, message->word[0], message->word[1],
                       message->word[2], message->word[3]);
    server_unpark(parked);
}

/* --- input -------------------------------------------------------------------------------------
 */

/* A driver tells of input by itself (S3). */
static void server_arm_input(void)
{
    uint64_t ticks = server.input_period_us * server.timebase_hz / 1000000;
    uint64_t status;

    if (console_has_driver())
        return;
    status = flr_timer_set(SLOT_TIMERS, fl_rdtime() + ticks).status;
    if (status != FL_OK)
        log_stop("the input timer can't be set: status 0x%lx", status);
}

/* The process that has waited longest for input, or NULL. */
static struct parked *server_first_reader(void)
{
    struct parked *first = NULL;

    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        struct parked *parked = &server.parked[i];

        if (parked->in == PARKED_READ && (!first || parked->order < first->order))
            first = parked;
    }
    return first;
}

/* Makes *message the answer to a READ of `wanted` bytes.  Returns: false if there is no input. */
static bool server_read_input(uint64_t wanted, struct fl_message *message)
{
    char bytes[FL_PROTOCOL_BYTES];
    size_t count;

    enum console_input input = console_read(bytes, wanted, &count);
    uint64_t losses = console_take_losses();

    if (losses > 0)
        log_line("console: input was lost %lu times", losses);
    if (input == CONSOLE_NOTHING)
        return false;
    server_answer_bytes(message, bytes, count);
    return true;
}

/* Looks for input; without a driver often after some came, ever more seldom while none does. */
static void server_poll_input(void)
{
    struct parked *reader = server_first_reader();
    struct fl_message message;
    bool came = false;

    while (reader && server_read_input(reader->wanted, &message)) {
        server_answer_parked(reader, &message);
        came = true;
        reader = server_first_reader();
    }
    server.input_period_us = came ? INPUT_PERIOD_MIN_US : server.input_period_us * 2;
    if (server.input_period_us > INPUT_PERIOD_MAX_US)
        server.input_period_us = INPUT_PERIOD_MAX_US;
    if (reader)
        server_arm_input();
}

/* --- ends and waits ----------------------------------------------------------------------------
 */

static void server_add_usage(struct fl_message *message, const struct posix_usage *usage)
{
    message->info = FL_INFO(0, 4 + sizeof *usage / sizeof(uint64_t));
    memcpy(server_buffer(), usage, sizeof *usage);
}

/* Makes *message the answer to a WAIT.  Returns: false if a child runs and none has ended. */
static bool server_collect_child(struct process *parent, uint32_t pid, struct fl_message *message)
{
    struct process *child = process_find_child(parent->pid, pid);
    struct posix_usage usage;

    if (!child) {
        server_fail(message, ECHILD);
        return true;
    }
    if (child->state != PROCESS_ENDED)
        return false;
    server_answer(message, 0, child->pid, child->status);
    process_inherit_usage(parent, child, &usage);
    server_add_usage(message, &usage);
    process_collect(child);
    return true;
}

static void server_wake_parent(uint32_t pid)
{
    struct process *parent = process_by_pid(pid);
    struct parked *parked = parent ? server_parked(parent) : NULL;
    struct fl_message message;

    if (!parked || parked->in != PARKED_WAIT)
        return;
    if (server_collect_child(parent, (uint32_t)parked->wanted, &message))
        server_answer_parked(parked, &message);
}

static void server_end_process(struct process *process, uint32_t status)
{
    struct parked *parked = server_parked(process);
    uint32_t pid = process->pid;
    uint32_t parent = process->parent;

    process_end(process, status);
    server_unpark(parked);
    argument_blocks_release(&server.arguments, pid);
    server_wake_parent(parent);
    session_process_ended(pid, status);
}

static void server_report_events(void)
{
    struct pager_event event;
    char text[160];
    int error;

    while ((error = pager_next_event(&event)) == 0) {
        struct process *process = process_by_space(event.space);

        if (!process) {
            log_line("pager: event for space 0x%lx, which is nobody's", event.space);
            continue;
        }
        event_text(&event, text, sizeof text);
        log_program("%s[%u]: %s: ended by signal %lu", process->name, process->pid, text,
                    event.signal);
        server_end_process(process, (uint32_t)event.signal & 0x7f);
    }
    if (error != EAGAIN)
        log_line("pager: next event: error %d", error);
}

static enum server_outcome server_handle_bits(uint64_t bits)
{
    if (bits & EVENT_PAGER)
        server_report_events();
    if (bits & EVENT_WATCH)
        watch_tell_disks(pager_probe(), PAGER_PROBE_CALLS);
    if (bits & (EVENT_TIMER | EVENT_CONSOLE))
        server_poll_input();
    return SERVER_SILENCE;
}

/* --- calls of programs: one function per line of posix.def ---------------------------------------
 */

/* No program ends by a signal above SERVER_SIGNALS. */
enum { SERVER_SIGKILL = 9, SERVER_SIGNALS = 64 };

/* An ended program has an exit code or a signal, never both. */
static enum server_outcome server_EXIT(struct process *caller, struct fl_message *message)
{
    uint32_t signal = (uint32_t)message->word[0] & 0x7f;

    if (signal > SERVER_SIGNALS)
        signal = SERVER_SIGKILL;

    server_end_process(caller, signal ? signal : (uint32_t)message->word[0] & 0xff00);
    return SERVER_SILENCE;
}

static enum server_outcome server_WRITE(struct process *caller, struct fl_message *message)
{
    char bytes[FL_PROTOCOL_BYTES];
    uint64_t fd = message->word[0], count = message->word[1];

    (void)caller;
    if (fd != 1 && fd != 2)
        return server_fail(message, EBADF);
    if (!server_take_bytes(message, count, bytes))
        return server_fail(message, EINVAL);
    console_write_program((unsigned)fd, bytes, count);
    return server_answer(message, 0, count, 0);
}

static enum server_outcome server_READ(struct process *caller, struct fl_message *message)
{
    uint64_t wanted = message->word[1];

    if (message->word[0] != 0)
        return server_fail(message, EBADF);
    if (wanted == 0)
        return server_answer(message, 0, 0, 0);
    if (wanted > FL_PROTOCOL_BYTES)
        wanted = FL_PROTOCOL_BYTES;
    if (server_first_reader())
        return server_park(caller, PARKED_READ, wanted, message);
    if (server_read_input(wanted, message))
        return SERVER_ANSWER;
    server.input_period_us = INPUT_PERIOD_MIN_US;
    server_arm_input();
    return server_park(caller, PARKED_READ, wanted, message);
}

static enum server_outcome server_ARGUMENT(struct process *caller, struct fl_message *message)
{
    char bytes[FL_PROTOCOL_BYTES];
    uint64_t count = message->word[0];

    if (!server_take_bytes(message, count, bytes))
        return server_fail(message, EINVAL);
    return server_fail(message,
                       argument_blocks_append(&server.arguments, caller->pid, bytes, count));
}

static enum server_outcome server_SPAWN(struct process *caller, struct fl_message *message)
{
    const struct argument_block *block = argument_blocks_find(&server.arguments, caller->pid);
    struct startup_strings strings = {0};
    struct process *child;
    int error;

    if (block) {
        strings = (struct startup_strings){block->text, block->bytes, 0};
        strings.count = argument_text_count(strings.text, strings.bytes);
    }
    error = strings.count == 0 || message->word[0] != 0 ? EINVAL : 0;
    if (!error)
        error = process_start(&strings, caller->pid, &child);
    argument_blocks_release(&server.arguments, caller->pid);
    return server_answer(message, error, error ? 0 : child->pid, 0);
}

static enum server_outcome server_FORK(struct process *caller, struct fl_message *message)
{
    struct process *child;
    int error = process_fork(caller, message->word[0], message->word[1], &child);

    return server_answer(message, error, error ? 0 : child->pid, 0);
}

static enum server_outcome server_GETPPID(struct process *caller, struct fl_message *message)
{
    return server_answer(message, 0, caller->parent, 0);
}

static enum server_outcome server_WAIT(struct process *caller, struct fl_message *message)
{
    uint64_t pid = message->word[0], flags = message->word[1];

    if (flags & ~(uint64_t)WAIT_NO_HANG)
        return server_fail(message, EINVAL);
    if (pid > UINT32_MAX)
        return server_fail(message, ECHILD);
    if (server_collect_child(caller, (uint32_t)pid, message))
        return SERVER_ANSWER;
    if (flags & WAIT_NO_HANG)
        return server_answer(message, 0, 0, 0);
    return server_park(caller, PARKED_WAIT, pid, message);
}

static enum server_outcome server_CHILDREN_USAGE(struct process *caller, struct fl_message *message)
{
    server_answer(message, 0, 0, 0);
    server_add_usage(message, &caller->children);
    return SERVER_ANSWER;
}

static enum server_outcome server_POWEROFF(struct process *caller, struct fl_message *message)
{
    if (!session_is_own(caller->pid))
        return server_fail(message, EPERM);
    session_power_off((uint32_t)(message->word[0] & 0xff) << 8);
}

static enum server_outcome server_COUNTER(struct process *caller, struct fl_message *message)
{
    struct fl_result result;
    uint64_t value = 0;
    int error;

    (void)caller;
    if (message->word[0] > 1)
        return server_fail(message, EINVAL);
    if (message->word[0] == 1) {
        error = pager_read_statistic(message->word[1], &value);
        return server_answer(message, error, value, 0);
    }
    result = flr_system_counter(FL_BOOT_SYSTEM, message->word[1]);
    return server_answer(message, result.status == FL_OK ? 0 : EINVAL, result.value, 0);
}

#define POSIX_CALL(number, name, in, out, doc) [number] = server_##name,
static server_handler *const server_handlers[] = {
#include "posix.def"
};
#undef POSIX_CALL
#define SERVER_HANDLERS (sizeof server_handlers / sizeof server_handlers[0])

/* --- the loop ----------------------------------------------------------------------------------
 */

static server_handler *server_find_handler(uint32_t label)
{
    uint32_t number = label - FL_PROTOCOL_LABEL(POSIX_VERSION, 0);

    return number < SERVER_HANDLERS ? server_handlers[number] : NULL;
}

static enum server_outcome server_handle(struct fl_message *message)
{
    struct process *caller = process_by_badge(message->badge);
    server_handler *handler = server_find_handler(FL_INFO_LABEL(message->info));

    if (FL_INFO_LABEL(message->info) == FL_LABEL_NOTIFICATION && message->badge == 0)
        return server_handle_bits(message->word[0]);
    if (!caller) {
        log_line("call 0x%x under badge 0x%lx, which is nobody's", FL_INFO_LABEL(message->info),
                 message->badge);
        return server_fail(message, EPERM);
    }
    return handler ? handler(caller, message) : server_fail(message, ENOSYS);
}

void server_init(uint64_t timebase_hz)
{
    uint64_t status = flr_tcb_bind_notification(FL_BOOT_TCB, SLOT_NOTIFICATIONS).status;

    server.timebase_hz = timebase_hz;
    for (uint64_t i = 0; i < REPLIES; i++)
        server.free_replies[server.free_count++] = SLOT_REPLIES + i;
    server.receiving = server.free_replies[--server.free_count];
    if (status == FL_OK)
        status = flr_timer_bind(SLOT_TIMERS, SLOT_WAKE_TIMER).status;
    if (status != FL_OK)
        log_stop("our notification does not bind: status 0x%lx", status);
}

/* GONE and CANCELLED concern one caller; anything else would repeat for ever. */
static void server_check_receive(uint64_t status)
{
    if (FL_STATUS_CODE(status) != FL_GONE && FL_STATUS_CODE(status) != FL_CANCELLED)
        log_stop("receive with Reply slot %lu: status 0x%lx", server.receiving, status);
}

_Noreturn void server_run(void)
{
    enum server_outcome outcome = SERVER_SILENCE;
    struct fl_message message;

    for (;;) {
        if (outcome == SERVER_ANSWER)
            fl_ipc_reply_recv(SLOT_POSIX, server.receiving, &message);
        else
            fl_ipc_recv(SLOT_POSIX, server.receiving, &message);
        outcome = SERVER_SILENCE;
        if (message.status == FL_OK)
            outcome = server_handle(&message);
        else
            server_check_receive(message.status);
    }
}

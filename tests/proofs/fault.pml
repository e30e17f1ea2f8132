/* Faulters, their handler, and the end of any of them at any moment: two threads that fault, a handler
 * that parks what it likes with three Replies, and a root task that suspends, resumes, deletes and
 * revokes.  Kernel entries are atomic, as they are under the one lock.
 *
 * Which C is meant:
 *     fault          fault_send, then send_and_wait with queue_sender and sender_gone (kernel/ipc.c)
 *     receive        receive_decode, receive_ready and wait_to_receive (kernel/ipc.c)
 *     answer         answer (kernel/ipc.c) with fault_answer (kernel/fault.c)
 *     detach         ipc_detach; cancel: ipc_cancel (kernel/ipc.c)
 *     stop           thread_stop (kernel/thread.c)
 *     end_step       endpoint_end (kernel/cap_delete.c), one waiter an entry instead of 32
 *     delete_slot    endpoint_lose_receiver and the end of the slot (kernel/cap_delete.c)
 *     delete_thread  thread_destroy and object_free (kernel/thread.c, kernel/cap_delete.c)
 *     delete_reply   reply_end (kernel/cap_delete.c)
 *     revoke_space   thread_leave_space (kernel/cap_delete.c)
 *     resume         call_tcb_resume (kernel/tcb.c)
 *     Disk           notification_set of a bound receiver (kernel/ipc.c)
 *
 * Shown, with the rules of docs/fault-protocol.md: after every kernel entry a Reply that is not idle and
 * its thread name each other, and no other thread has a Reply (R1 to H3 of kernel/thread.h, R6, L2, L5,
 * L7); nobody queues where nobody can receive (E2, H7, H8); an answer that is carried out belongs to the
 * fault that was taken, which it ends (A16, A17).  When nothing moves any more, a thread that waits has a
 * handler that was stopped or deleted (H12, L8) or has no Reply left; a handler that waits has an endpoint
 * that somebody can send to (H13).
 * Not shown: map items, upcalls, several handlers.
 *
 * Each of these must be found:
 *   bug: a stopped thread leaves its Reply bound: `:: held != NONE -> release_reply(held)` => `:: held != NONE -> treply[t] = NONE`
 *   bug: a deleted Reply forgets the thread that it holds: `:: rstate[r] != IDLE -> cancel(rthread[r])` => `:: rstate[r] != IDLE -> release_reply(r)`
 *   bug: an answer leaves the Reply bound: `release_reply(r); answered(who)` => `answered(who)`
 *   bug: faults queue where nobody can receive: `:: side != RECEIVERS && receivers == 0 ->` => `:: false ->`
 *   bug: the last receiver goes without a word to who waits: `:: side == SENDERS -> end_step()` => `:: false -> end_step()`
 *   bug: the endpoint ends, and its receiver sleeps on: `:: !end_of_endpoint() || length == 0 -> break` => `:: true -> break`
 *   bug: a suspended thread stays in the queue: `    leave(t);` => ``
 *   bug: a faulter may be resumed before the answer: `:: state[t] == STOPPED && has_space(t)` => `:: state[t] != GONE && state[t] != READY && has_space(t)`
 *   bug: STOP leaves the faulter in its wait: `:: state[who] = STOPPED` => `:: skip`
 *   bug: receiving takes a Reply that is in use: `#define usable(r)  (alive[r] && rstate[r] == IDLE)` => `#define usable(r)  (alive[r])`
 */
#define FAULTERS 2
#define HANDLER  2 /* the third thread */
#define THREADS  3
#define REPLIES  3
#define NONE     3
#define FAULTS   2 /* of each faulter, until it is at its end */
#define EVENTS   3 /* that the root task causes */

mtype = { STOPPED, READY, SENDING, RECEIVING, AWAIT_REPLY, GONE };
mtype = { IDLE, WAITING, FAULT };
mtype = { NOBODY, SENDERS, RECEIVERS };

mtype state[THREADS] = READY;
byte treply[THREADS] = NONE;
bit space[THREADS] = 1;
byte number[THREADS];        /* of the thread's last fault */
bit outstanding[THREADS];

mtype rstate[REPLIES] = IDLE;
byte rthread[REPLIES] = NONE;
byte rnumber[REPLIES];       /* of the fault that was taken */
bit alive[REPLIES] = 1;
bit mine[REPLIES];           /* the handler has a message to answer through it */

byte place[THREADS];         /* in the endpoint's queue, from 1 on; 0: not in it */
byte length;
byte held;
mtype side = NOBODY;
bit receivers = 1;           /* slots with the right to receive */
bit given_up;                /* the handler found that it cannot receive any more */

#define has_space(t)       space[t]
#define end_of_endpoint()  (receivers == 0 && state[0] == GONE && state[1] == GONE)
#define usable(r)  (alive[r] && rstate[r] == IDLE)
#define may_receive (receivers > 0 && (usable(0) || usable(1) || usable(2)))
#define has_work    (mine[0] || mine[1] || mine[2])
#define reply_right(r)  (rstate[r] == IDLE -> rthread[r] == NONE : alive[r] && treply[rthread[r]] == r)
#define thread_right(t) (state[t] == AWAIT_REPLY || state[t] == RECEIVING -> \
                         treply[t] != NONE && rthread[treply[t]] == t : treply[t] == NONE)
#define queue_right(t)  ((state[t] == SENDING || state[t] == RECEIVING) == (place[t] != 0))
#define head (place[0] == 1 -> 0 : (place[1] == 1 -> 1 : HANDLER))

inline check()
{
    assert(reply_right(0) && reply_right(1) && reply_right(2));
    assert(thread_right(0) && thread_right(1) && thread_right(2));
    assert(queue_right(0) && queue_right(1) && queue_right(2));
    assert((length == 0) == (side == NOBODY));
    assert(receivers > 0 || side != SENDERS)
}

inline append(t, its_side)
{
    length++; place[t] = length; side = its_side
}

inline close_gap(t, other)
{
    if :: place[other] > place[t] -> place[other]-- :: else fi
}

inline leave(t)
{
    if
    :: place[t] != 0 ->
        close_gap(t, 0); close_gap(t, 1); close_gap(t, 2);
        place[t] = 0; length--;
        if :: length == 0 -> side = NOBODY :: else fi
    :: else
    fi
}

inline bind(r, kind, t)
{
    rstate[r] = kind; rthread[r] = t; treply[t] = r; rnumber[r] = number[t]
}

inline release_reply(r)
{
    treply[rthread[r]] = NONE; rthread[r] = NONE; rstate[r] = IDLE; rnumber[r] = 0
}

inline take(t, r)
{
    bind(r, FAULT, t); state[t] = AWAIT_REPLY; mine[r] = 1
}

inline detach(t)
{
    leave(t);
    held = treply[t];
    if
    :: held != NONE -> release_reply(held)
    :: else
    fi;
    held = 0
}

inline cancel(t)
{
    who = t;
    detach(who);
    if
    :: who == HANDLER -> state[who] = READY
    :: else -> state[who] = STOPPED; outstanding[who] = 0
    fi
}

inline stop(t)
{
    if
    :: state[t] == STOPPED || state[t] == GONE
    :: else -> detach(t); state[t] = STOPPED; outstanding[t] = 0
    fi
}

inline fault(t)
{
    number[t]++; outstanding[t] = 1;
    if
    :: side == RECEIVERS ->
        leave(HANDLER);
        reply = treply[HANDLER]; release_reply(reply);
        state[HANDLER] = READY;
        take(t, reply)
    :: side != RECEIVERS && receivers == 0 ->
        state[t] = STOPPED; outstanding[t] = 0
    :: else ->
        state[t] = SENDING; append(t, SENDERS)
    fi
}

inline receive()
{
    if :: reply = 0 :: reply = 1 :: reply = 2 fi;
    if
    :: !usable(reply) /* BUSY */
    :: usable(reply) -> receive_with(reply)
    fi
}

inline receive_with(r)
{
    if
    :: side == SENDERS -> who = head; leave(who); take(who, r)
    :: else ->
        state[HANDLER] = RECEIVING; bind(r, WAITING, HANDLER); append(HANDLER, RECEIVERS)
    fi
}

inline answered(t)
{
    outstanding[t] = 0
}

inline answer(r)
{
    mine[r] = 0;
    if
    :: !alive[r] || rstate[r] != FAULT /* GONE */
    :: else ->
        who = rthread[r];
        assert(outstanding[who] && number[who] == rnumber[r]);
        if
        :: state[who] = READY   /* RESUME */
        :: state[who] = STOPPED /* STOP */
        fi;
        release_reply(r); answered(who)
    fi
}

proctype Faulter(byte t)
{
    byte reply, who;

end:
    do
    :: atomic { state[t] == READY && number[t] < FAULTS -> fault(t); check(); reply = 0 }
    :: atomic { state[t] == READY && number[t] == FAULTS -> break }
    :: atomic { state[t] == GONE -> break }
    od
}

inline handle(r)
{
    if
    :: answer(r)
    :: receivers > 0 -> answer(r); if :: usable(r) -> receive_with(r) :: else fi /* ipc_reply_recv */
    :: may_receive -> receive() /* parks r */
    fi
}

active proctype Handler()
{
    byte reply, who;

end:
    do
    :: atomic {
        state[HANDLER] == READY ->
        if
        :: mine[0] -> handle(0)
        :: mine[1] -> handle(1)
        :: mine[2] -> handle(2)
        :: !has_work && may_receive -> receive()
        :: !has_work && !may_receive -> given_up = 1; break
        fi;
        check(); reply = 0; who = 0
       }
    :: atomic { state[HANDLER] == GONE -> break }
    od
}

/* What the handler parked a fault for is there: bits of the notification that it is bound to. */
active proctype Disk()
{
    byte who;

end:
    do
    :: atomic {
        state[HANDLER] == RECEIVING && has_work ->
        cancel(HANDLER); check(); who = 0
       }
    od
}

inline end_step()
{
    cancel(head)
}

inline end_endpoint()
{
    do
    :: !end_of_endpoint() || length == 0 -> break
    :: else -> end_step(); check()
    od
}

inline delete_slot()
{
    do
    :: atomic {
        if
        :: side == SENDERS -> end_step(); check()
        :: else -> receivers = 0; end_endpoint(); check(); break
        fi
       }
    od
}

inline delete_thread(t)
{
    atomic { stop(t); state[t] = GONE; space[t] = 0; end_endpoint(); check() }
}

inline delete_reply(r)
{
    if
    :: rstate[r] != IDLE -> cancel(rthread[r])
    :: else
    fi;
    alive[r] = 0
}

inline resume(t)
{
    if
    :: state[t] == STOPPED && has_space(t) -> outstanding[t] = 0; state[t] = READY
    :: else
    fi
}

inline event()
{
    if
    :: thread = 0
    :: thread = 1
    :: thread = HANDLER
    fi;
    if
    :: atomic { true -> stop(thread); check() }
    :: atomic { true -> resume(thread); check() }
    :: state[thread] != GONE -> delete_thread(thread)
    :: atomic { alive[thread] -> delete_reply(thread); check() }
    :: receivers > 0 -> delete_slot()
    :: atomic { state[thread] != GONE -> stop(thread); space[thread] = 0; check() } /* revoke_space */
    fi
}

active proctype Root()
{
    byte thread, who, events;

    do
    :: events < EVENTS -> event(); events++; thread = 0; who = 0
    :: break
    od
}

#define handler_lost (state[HANDLER] == STOPPED || state[HANDLER] == GONE)
#define ended_right(t) (state[t] == STOPPED || state[t] == GONE || \
                        (state[t] == READY && number[t] == FAULTS) || \
                        (state[t] == SENDING && receivers > 0 && (handler_lost || given_up)) || \
                        (state[t] == AWAIT_REPLY && handler_lost))

/* When nothing moves any more. */
active proctype Judge()
{
    timeout;
    assert(ended_right(0) && ended_right(1));
    assert(state[HANDLER] != RECEIVING || !end_of_endpoint());
    assert(state[HANDLER] != READY || given_up)
}

init { atomic { run Faulter(0); run Faulter(1) } }

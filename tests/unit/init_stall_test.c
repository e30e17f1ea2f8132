/* sources: user/init/stall.c */
#include "../../user/init/stall.h"
#include "harness.h"

/* A fault that waits, as it looks every time while nothing is answered. */
static struct stall_look waiting(void)
{
    struct stall_look look = {.faults_sent = 100, .calls_begun = 7, .calls_ended = 7};

    stall_add_fault(&look, 90);
    stall_add_fault(&look, 88);
    stall_add_fault(&look, 95);
    return look;
}

TEST("the oldest of several faults is the one with the lowest number, also when numbers wrap")
{
    struct stall_look look = waiting(), wrapped = {0};

    CHECK_EQ(look.waiting, 3);
    CHECK_EQ(look.oldest, 88);
    stall_add_fault(&wrapped, 2);
    stall_add_fault(&wrapped, UINT32_MAX - 1);
    stall_add_fault(&wrapped, 5);
    CHECK_EQ(wrapped.oldest, UINT32_MAX - 1);
}

TEST("J1: three looks in a row at the same fault are the verdict, two are not")
{
    struct stall stall = {0};
    struct stall_look look = waiting();

    CHECK(!stall_judge(&stall, &look));
    CHECK(!stall_judge(&stall, &look));
    CHECK(stall_judge(&stall, &look));
}

TEST("J1: a fault of another thread that joins changes nothing")
{
    struct stall stall = {0};
    struct stall_look look = waiting();

    CHECK(!stall_judge(&stall, &look));
    look.faults_sent++;
    stall_add_fault(&look, 101);
    CHECK(!stall_judge(&stall, &look));
    CHECK(stall_judge(&stall, &look));
}

TEST("J1: any answer between two looks starts the count again")
{
    for (unsigned kind = 0; kind < 5; kind++) {
        struct stall stall = {0};
        struct stall_look look = waiting();

        CHECK(!stall_judge(&stall, &look));
        CHECK(!stall_judge(&stall, &look));
        look.waiting -= kind == 0;     /* a younger fault was answered, */
        look.faults_sent += kind == 1; /* one came and was answered meanwhile, */
        look.oldest += kind == 2;      /* the oldest was, */
        look.calls_begun += kind >= 3; /* a call of ours came, */
        look.calls_ended += kind == 4; /* and was answered */
        CHECK(!stall_judge(&stall, &look));
        CHECK(!stall_judge(&stall, &look));
        CHECK(stall_judge(&stall, &look));
    }
}

TEST("a call of ours is waited for as a fault is")
{
    struct stall stall = {0};
    struct stall_look look = {.calls_begun = 3, .calls_ended = 2};

    CHECK(!stall_judge(&stall, &look));
    CHECK(!stall_judge(&stall, &look));
    CHECK(stall_judge(&stall, &look));
}

TEST("with nothing that waits, or a pager that is held up itself, there is no verdict")
{
    struct stall stall = {0};
    struct stall_look idle = {.faults_sent = 100, .calls_begun = 7, .calls_ended = 7};
    struct stall_look excused = waiting();

    excused.excused = true;
    for (unsigned i = 0; i < 10; i++) {
        CHECK(!stall_judge(&stall, &idle));
        CHECK(!stall_judge(&stall, &excused));
    }
    for (unsigned i = 0; i < 10; i++)
        CHECK(!stall_judge(&stall, &excused));
}

TEST("a verdict needs its looks in a row: a look that found nothing starts the count again")
{
    struct stall stall = {0};
    struct stall_look look = waiting(), idle = {0};

    CHECK(!stall_judge(&stall, &look));
    CHECK(!stall_judge(&stall, &look));
    CHECK(!stall_judge(&stall, &idle));
    CHECK(!stall_judge(&stall, &look));
    CHECK(!stall_judge(&stall, &look));
    CHECK(stall_judge(&stall, &look));
}

/* Owns nothing: the judgement of looks, see stall.h for J1. */
#include "stall.h"

void stall_add_fault(struct stall_look *look, uint32_t number)
{
    if (look->waiting == 0 || (int32_t)(number - look->oldest) < 0)
        look->oldest = number;
    look->waiting++;
}

static bool stall_is_waited_for(const struct stall_look *look)
{
    return look->waiting > 0 || look->calls_begun != look->calls_ended;
}

/* Faults that were sent and wait no more were answered, or their threads ended: either is progress. */
static bool stall_is_same(const struct stall_look *a, const struct stall_look *b)
{
    return a->faults_sent - a->waiting == b->faults_sent - b->waiting &&
           (a->waiting > 0) == (b->waiting > 0) && a->oldest == b->oldest &&
           a->calls_begun == b->calls_begun && a->calls_ended == b->calls_ended;
}

bool stall_judge(struct stall *stall, const struct stall_look *look)
{
    if (!stall_is_waited_for(look) || look->excused)
        stall->looks = 0;
    else if (stall->looks > 0 && stall_is_same(&stall->last, look))
        stall->looks++;
    else
        stall->looks = 1;
    stall->last = *look;
    return stall->looks >= STALL_LOOKS;
}

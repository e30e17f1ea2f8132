/* Floating-point registers belong to the program: run several at once with different seeds.
 *
 * usage: floats [SEED [ROUNDS]]
 *
 * Counts in twelve registers at once, exactly (small integers in doubles), once with calls that let
 * others run in between and once without; and keeps a rounding mode of its own. */
#include <fenv.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define LANES 12

/* Adds seed + i to lane i, `rounds` times; returns how many lanes are wrong. */
static int floats_count(double seed, long rounds, int yield)
{
    double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0, k = 0, l = 0;
    const double n = (double)rounds;

    for (long round = 0; round < rounds; round++) {
        a += seed, b += seed + 1, c += seed + 2, d += seed + 3, e += seed + 4, f += seed + 5;
        g += seed + 6, h += seed + 7, i += seed + 8, j += seed + 9, k += seed + 10, l += seed + 11;
        if (yield)
            sched_yield();
    }
    const double lanes[LANES] = {a, b, c, d, e, f, g, h, i, j, k, l};
    int wrong = 0;

    for (int lane = 0; lane < LANES; lane++)
        wrong += lanes[lane] != n * (seed + lane);
    return wrong;
}

int main(int argc, char **argv)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    int seed = argc > 1 ? atoi(argv[1]) : 1, mode = modes[seed & 3], wrong;
    long rounds = argc > 2 ? atol(argv[2]) : 20000;

    fesetround(mode);
    wrong = floats_count(seed, rounds, 1);
    wrong += floats_count(seed, rounds * 50, 0);
    if (fegetround() != mode) {
        printf("floats %d: the rounding mode changed\n", seed);
        wrong++;
    }
    printf("floats %d: %s\n", seed, wrong ? "WRONG" : "every register kept its value");
    return wrong ? 1 : 0;
}

/* Asserts of mm/.  They stay on in release: a broken invariant of ours stops the system with a
 * report.  What a client sends never reaches one. */
#ifndef MM_CHECK_H
#define MM_CHECK_H

/* Provided by the kernel (panic) and by the tests. */
_Noreturn void mm_assert_failed(const char *file, int line, const char *text);

#define MM_ASSERT(condition) \
    ((condition) ? (void)0 : mm_assert_failed(__FILE__, __LINE__, #condition))

#endif

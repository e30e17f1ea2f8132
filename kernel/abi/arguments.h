/* From the argument lists of calls.def to parameter lists of C: FL_PARAMETERS (a, b) is
 * `uint64_t a, uint64_t b`. */
#ifndef FAULTLINE_ARGUMENTS_H
#define FAULTLINE_ARGUMENTS_H

#define FL_CAT(a, b)                           FL_CAT_(a, b)
#define FL_CAT_(a, b)                          a##b
#define FL_ARITY(...)                          FL_ARITY_(__VA_ARGS__, 7, 6, 5, 4, 3, 2, 1)
#define FL_ARITY_(a, b, c, d, e, f, g, n, ...) n
#define FL_PARAMETERS(...)                     FL_CAT(FL_PARAMETERS_, FL_ARITY(__VA_ARGS__))(__VA_ARGS__)
#define FL_PARAMETERS_1(a)                     uint64_t a
#define FL_PARAMETERS_2(a, b)                  uint64_t a, uint64_t b
#define FL_PARAMETERS_3(a, b, c)               FL_PARAMETERS_2(a, b), uint64_t c
#define FL_PARAMETERS_4(a, b, c, d)            FL_PARAMETERS_3(a, b, c), uint64_t d
#define FL_PARAMETERS_5(a, b, c, d, e)         FL_PARAMETERS_4(a, b, c, d), uint64_t e
#define FL_PARAMETERS_6(a, b, c, d, e, f)      FL_PARAMETERS_5(a, b, c, d, e), uint64_t f
#define FL_PARAMETERS_7(a, b, c, d, e, f, g)   FL_PARAMETERS_6(a, b, c, d, e, f), uint64_t g

#endif

/* The name of the case that runs, in a host test that runs many: it is printed whatever ends the case, a failed
 * check, an assert, a sanitizer or a signal, so that the case can be run again alone. */
#ifndef FAULTLINE_TESTS_CASE_NAME_H
#define FAULTLINE_TESTS_CASE_NAME_H

#define CASE_NAME_BYTES 160u

/* Writes VARIABLE=VALUE, what the environment must hold for this case, into CASE_NAME_BYTES bytes. */
typedef void case_name_write(char *name);

/* A case runs from here to case_name_end.  `write` may be called at any time between. */
void case_name_begin(case_name_write *write);
void case_name_end(void);

/* The case that the environment asks for, or NULL: then all run.  A program that was asked for a case and did
 * not say case_name_found ends with a failure: there is none of that name. */
const char *case_name_wanted(const char *variable);
void case_name_found(void);

#endif

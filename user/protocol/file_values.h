/* Values of the file calls, as Linux numbers them: what travels in the calls of pager.def. */
#ifndef FAULTLINE_FILE_VALUES_H
#define FAULTLINE_FILE_VALUES_H

#define FILE_O_RDONLY  0x0
#define FILE_O_WRONLY  0x1
#define FILE_O_RDWR    0x2
#define FILE_O_ACCMODE 0x3
#define FILE_O_CREAT   0x40
#define FILE_O_EXCL    0x80
#define FILE_O_TRUNC   0x200
#define FILE_O_APPEND  0x400

#define FILE_SEEK_SET 0
#define FILE_SEEK_CUR 1
#define FILE_SEEK_END 2

#define FILE_S_IFCHR 0020000
#define FILE_S_IFDIR 0040000
#define FILE_S_IFBLK 0060000
#define FILE_S_IFREG 0100000

#define FILE_STEP_PAGES 64u /* most pages that one READ or WRITE copies */

#endif

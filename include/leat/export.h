/* Visibility and attributes of the public interface. */
#ifndef LEAT_EXPORT_H
#define LEAT_EXPORT_H

#if defined(__GNUC__)
#define LEAT_API               __attribute__((visibility("default")))
#define LEAT_CHECKED           __attribute__((warn_unused_result))
#define LEAT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define LEAT_API
#define LEAT_CHECKED
#define LEAT_PRINTF(fmt, args)
#endif

#endif

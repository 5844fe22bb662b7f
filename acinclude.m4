dnl NMA_PKG(VARIABLE, MODULE, DEBIAN-PACKAGE): like PKG_CHECK_MODULES, but a missing module is
dnl collected in $nma_missing by the name of its Debian package, so that all are named at once.
AC_DEFUN([NMA_PKG], [
PKG_CHECK_MODULES([$1], [$2], [:], [nma_missing="$nma_missing $3"])
])

dnl AX_REQUIRE_PKG_CONFIG: without it PKG_CHECK_MODULES fails with an unreadable message.
AC_DEFUN([AX_REQUIRE_PKG_CONFIG], [
PKG_PROG_PKG_CONFIG
AS_IF([test -z "$PKG_CONFIG"], [AC_MSG_ERROR([pkg-config is missing: apt-get install pkg-config])])
])

dnl NMA_TRY_CFLAGS(VARIABLE, FLAGS): appends each flag that the compiler knows.
AC_DEFUN([NMA_TRY_CFLAGS], [
nma_saved_CFLAGS=$CFLAGS
for nma_flag in m4_normalize([$2]); do
  CFLAGS="$nma_saved_CFLAGS -Werror $nma_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [$1="$$1 $nma_flag"])
done
CFLAGS=$nma_saved_CFLAGS
])

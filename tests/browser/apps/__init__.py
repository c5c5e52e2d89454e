"""Apps that browser tests open; their pages open as fast as those of the real one."""

from modules.unnamed_values import leave_values_unnamed

leave_values_unnamed()

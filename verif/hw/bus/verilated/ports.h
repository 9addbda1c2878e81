// The top's ports in C++: Verilator spells a double underscore as below.
#pragma once
#include "Vtop.h"
#define MEMORY(name) memory___05F##name
#define HOST(name) registers___05F##name

# Packages {name} as an IP for Vivado's block designs, with its AXI interfaces, clock, reset and interrupt:
#   vivado -mode batch -source {name}.tcl
# The IP appears in the folder {name}_ip beside this file: add that folder to a project's IP repositories.
# NOT TESTED: no Vivado was at hand when this was written, and nobody has run it.
set here [file dirname [file normalize [info script]]]
create_project -in_memory {name}
foreach file {{{files}}} {{
    add_files -norecurse [file join $here $file]
}}
set_property top {name} [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -root_dir [file join $here {name}_ip] -vendor user.org -library user -taxonomy /UserIP \
    -import_files -set_current true -force
set core [ipx::current_core]
set_property name {name} $core
set_property display_name {name} $core
set_property description "{title}" $core

# Ports are named by interface and signal, as in registers__awaddr.
ipx::infer_bus_interfaces xilinx.com:interface:aximm_rtl:1.0 $core
ipx::infer_bus_interface clk xilinx.com:signal:clock_rtl:1.0 $core
ipx::infer_bus_interface rst xilinx.com:signal:reset_rtl:1.0 $core
ipx::infer_bus_interface irq xilinx.com:signal:interrupt_rtl:1.0 $core
set reset [ipx::get_bus_interfaces rst -of_objects $core]
set_property value ACTIVE_HIGH [ipx::add_bus_parameter POLARITY $reset]
foreach interface [ipx::get_bus_interfaces -of_objects $core] {{
    if {{[get_property abstraction_type_name $interface] eq "aximm_rtl"}} {{
        ipx::associate_bus_interfaces -busif [get_property name $interface] -clock clk $core
    }}
}}
ipx::associate_bus_interfaces -clock clk -reset rst $core

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core

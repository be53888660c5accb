# cmake --install: the program, the library with its headers, dsmpi.pc for pkg-config, configurations and job scripts.
install(TARGETS dsmpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS dsmpi_library ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/dsmpi DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dsmpi/configs
        FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/jobs/slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/dsmpi USE_SOURCE_PERMISSIONS)

# HDF5 and MPI have no pkg-config name that holds everywhere (hdf5-openmpi, ompi-c, mpich ...): their files are named.
set(files ${HDF5_C_LIBRARIES} ${MPI_C_LIBRARIES} ${OpenMP_C_LIBRARIES})
list(FILTER files EXCLUDE REGEX "/lib(m|dl|pthread)\\.(a|so)$") # the linker's own
list(REMOVE_DUPLICATES files)
string(REPLACE ";" " " DSMPI_PC_LIBRARIES "${files}")
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/dsmpi.pc.in ${PROJECT_BINARY_DIR}/dsmpi.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dsmpi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

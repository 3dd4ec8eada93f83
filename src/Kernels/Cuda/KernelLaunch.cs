namespace Faith.Kernels.Cuda;

/// <summary>A launch but for the values of its parameters.</summary>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Function">Its handle.</param>
/// <param name="GridX">Blocks.</param>
/// <param name="GridY">Blocks in the second dimension.</param>
/// <param name="GridZ">Blocks in the third.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="ParameterBytes">Size of the one parameter, a structure.</param>
internal readonly record struct KernelLaunch(string Kernel, nint Function, uint GridX, uint GridY, uint GridZ, uint Threads, int ParameterBytes);

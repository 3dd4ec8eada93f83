using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>Tables of functions of libraries that are found, or not, at run time.</summary>
internal static class NativeFunctions
{
    /// <summary>The table of the first library that there is.</summary>
    /// <param name="libraries">Names, the preferred ones first.</param>
    /// <param name="table">Makes it from the addresses of functions, which are 0 for those that the library lacks.</param>
    /// <param name="missing">What to say where there is none of the libraries.</param>
    /// <param name="reason">Why there is no table; empty on success.</param>
    public static T? TryLoad<T>(ReadOnlySpan<string> libraries, Func<Func<string, nint>, T> table, string missing, out string reason) where T : class
    {
        foreach (var name in libraries)
        {
            if (!NativeLibrary.TryLoad(name, out var library))
                continue;
            try
            {
                reason = "";
                return table(symbol => NativeLibrary.TryGetExport(library, symbol, out var address) ? address : 0);
            }
            catch (CudaException e)
            {
                reason = e.Message;
                return null;
            }
        }
        reason = missing;
        return null;
    }
}

using System.Net;

namespace Faith.Engine.Hub;

/// <summary>Fetches files: goes on where an earlier run was cut off, and keeps nothing whose hash is not the hub's.</summary>
internal sealed class HubDownload(HubClient client, HubSettings settings, IProgress<HubProgress>? progress, CancellationToken cancellation)
{
    private const int ChunkBytes = 1 << 18, MostCuts = 6, MostDamaged = 2;

    /// <summary>Fetches a file to <paramref name="target"/>; what has arrived of it stands under <paramref name="incomplete"/> until it is whole.</summary>
    /// <exception cref="InputException">It cannot be fetched, written, or arrives damaged.</exception>
    internal async Task Fetch(HubFile file, Uri address, string what, string target, string incomplete)
    {
        for (var damaged = 0; damaged < MostDamaged; damaged++)
        {
            await using (var stream = Open(incomplete))
            {
                if (stream.Length > file.Size) stream.SetLength(0);
                await Fill(stream, file, address, what);
                stream.Flush(flushToDisk: true);
            }
            if (HubHash.Matches(incomplete, file.Hash, cancellation))
            {
                File.Move(incomplete, target, overwrite: true);
                return;
            }
            File.Delete(incomplete);
        }
        throw new InputException($"{what}: has arrived damaged {MostDamaged} times: its bytes do not have the hash that the hub gives");
    }

    private static FileStream Open(string incomplete)
    {
        if (new FileInfo(incomplete).LinkTarget is { } target) throw new InputException($"{incomplete}: is a link to {PlainText.Name(target)}, to which nothing is fetched; remove it");
        try
        {
            return new(incomplete, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (File.Exists(incomplete))
        {
            throw new InputException($"{incomplete}: cannot be opened ({PlainText.Line(e.Message)}); another faith pull may be fetching it", e);
        }
    }

    private async Task Fill(FileStream stream, HubFile file, Uri address, string what)
    {
        stream.Seek(0, SeekOrigin.End);
        var buffer = new byte[ChunkBytes];
        for (var cuts = 0; stream.Position < file.Size;)
        {
            var from = stream.Position;
            using var response = await client.Send(HttpMethod.Get, address, what, leaveHost: true, from > 0 ? from : null, cancellation);
            if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != from)
            {
                // The server begins anew.
                stream.SetLength(0);
                stream.Position = 0;
                if (response.StatusCode is HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.PartialContent)
                {
                    if (from == 0 || ++cuts == MostCuts) throw new InputException($"{what}: the hub does not give out the part that was asked for");
                    continue;
                }
            }
            Exception? cut = null;
            try
            {
                await using var content = await response.Content.ReadAsStreamAsync(cancellation);
                while (await HubClient.Read(content, buffer, cancellation) is > 0 and var count)
                {
                    if (count > file.Size - stream.Position) throw new InputException($"{what}: the hub sends more than the {file.Size} bytes that it gives as the file's size");
                    Write(stream, buffer.AsSpan(0, count));
                    cuts = 0;
                    progress?.Report(new(file.Path, stream.Position, file.Size));
                }
            }
            catch (Exception e) when (HubClient.IsCut(e))
            {
                cancellation.ThrowIfCancellationRequested();
                cut = e;
            }
            if (stream.Position >= file.Size) return;
            if (++cuts == MostCuts) throw HubClient.Unreachable(address, cut ?? new IOException("the connection ends before the file does"));
            await settings.Pause(TimeSpan.FromSeconds(1 << (cuts - 1)), cancellation);
        }
    }

    // Apart from the connection, whose errors are tried again.
    private static void Write(FileStream stream, ReadOnlySpan<byte> bytes)
    {
        try
        {
            stream.Write(bytes);
        }
        // Of a file that becomes larger than the system lets files be (on FAT, 4 GiB) the framework says that the argument is out of range.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            throw new InputException($"{stream.Name}: cannot be written ({PlainText.Line(e.Message)}); what has arrived is kept, and the same command goes on from there", e);
        }
    }
}

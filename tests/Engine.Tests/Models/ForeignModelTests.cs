using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>What people take for a model of this kind: the message says what it is and what to do.</summary>
public sealed class ForeignModelTests
{
    private static string Fault(string directory)
    {
        var message = Assert.Throws<InputException>(() => ModelLoader.Load(ModelCatalog.Resolve(directory)).Dispose()).Message;
        Assert.DoesNotContain('\n', message);
        Assert.InRange(message.Length, 1, 1000);
        return message;
    }

    public static TheoryData<string, byte[], string> Contents() => new()
    {
        { "LFS", Encoding.ASCII.GetBytes("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548105171\n"), "is a Git LFS pointer, not the file itself; fetch the files with: git lfs pull" },
        { "web", Encoding.ASCII.GetBytes("<!DOCTYPE html><html><body>Not Found</body></html>"), "is a web page" },
        { "GGUF", [.. "GGUF"u8, 3, 0, 0, 0, 1, 2, 3, 4, 5], "is a GGUF file" },
        { "ZIP", [.. "PK"u8, 3, 4, 0, 0, 8, 8, 0, 0, 0, 0, 0], "PyTorch checkpoint" },
        { "pickle", [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "is a Python pickle" },
        { "UTF-16", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("{\"a\": 1}")).ToArray(), "UTF-16" },
        { "gzip", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0, 0], "gzip" },
    };

    [Theory, MemberData(nameof(Contents))]
    public void A_file_of_another_format_is_called_by_its_name(string kind, byte[] content, string expected)
    {
        Assert.NotEmpty(kind);
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            using var directory = new TemporaryDirectory();
            TinyModel.Gpt2().Write(directory.Path);
            File.WriteAllBytes(directory.File(name), content);
            var message = Fault(directory.Path);
            Assert.StartsWith(directory.File(name) + ": ", message);
            Assert.Contains(expected, message);
        }
    }

    [Theory]
    [InlineData("consolidated.bin", "if 'consolidated.bin' holds the whole model, name it pytorch_model.bin")]
    [InlineData("model.ckpt", "if 'model.ckpt' holds the whole model, name it pytorch_model.bin")]
    [InlineData("q4_0.gguf", "'q4_0.gguf' holds GGUF weights")]
    [InlineData("tf_model.h5", "weights of another framework")]
    [InlineData("adapter_config.json", "it is an adapter (LoRA)")]
    [InlineData("weights.safetensors", "if 'weights.safetensors' holds the whole model, name it model.safetensors")]
    [InlineData("training_args.bin", "other weight formats are not read")]
    public void A_directory_says_what_it_has_in_place_of_weights(string file, string expected)
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        File.Delete(directory.File("model.safetensors"));
        File.WriteAllText(directory.File(file), "{}");
        Assert.Contains(expected, Fault(directory.Path));
    }

    [Fact]
    public void A_directory_without_config_says_where_the_model_is()
    {
        using var directory = new TemporaryDirectory();
        Assert.EndsWith("is a directory without config.json", Fault(directory.Path));
        var snapshot = Directory.CreateDirectory(directory.File("snapshots/0123abcd")).FullName;
        TinyModel.Gpt2().Write(snapshot);
        Assert.EndsWith($"the model is in its subfolder: give '{snapshot}'", Fault(directory.Path));
        Assert.EndsWith($": '{snapshot}'", Fault(Path.Combine(snapshot, "model.safetensors")));
        TinyModel.Gpt2().Write(Directory.CreateDirectory(directory.File("checkpoint-2")).FullName);
        Assert.Contains("it holds 2 folders with models", Fault(directory.Path));
        File.WriteAllText(directory.File("adapter_config.json"), "{}");
        Assert.Contains("it is an adapter (LoRA)", Fault(directory.Path));
    }

    [Fact]
    public void Quantised_checkpoints_are_named()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama();
        model.Config["quantization_config"] = new JsonObject { ["quant_method"] = "gptq", ["bits"] = 4 };
        model.Write(directory.Path);
        Assert.Contains("config.json: quantization_config of 'gptq': the checkpoint is quantised", Fault(directory.Path));
        model.Config.Remove("quantization_config");
        model.Remove("model.layers.0.self_attn.q_proj.weight");
        model.Tensors.Add(new TensorData("model.layers.0.self_attn.q_proj.qweight", "I32", [1, 8], new byte[32]));
        model.Write(directory.Path);
        Assert.Contains("is missing; the checkpoint is quantised", Fault(directory.Path));
        model = TinyModel.Llama();
        model["model.layers.0.mlp.up_proj.weight"] = new TensorData("model.layers.0.mlp.up_proj.weight", "F8_E4M3", [12, 8], new byte[96]);
        model.Write(directory.Path);
        Assert.Contains("is F8_E4M3; weights must be F32, F16 or BF16; the checkpoint is quantised", Fault(directory.Path));
    }

    [Fact]
    public void Adapters_beside_the_model_are_named()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama();
        model.Add("model.layers.0.self_attn.q_proj.lora_A.default.weight", 2, 8);
        model.Write(directory.Path);
        Assert.Contains("holds an adapter (LoRA) beside the model", Fault(directory.Path));
    }

    [Fact]
    public void Adapter_files_beside_the_model_are_refused()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().Write(directory.Path);
        foreach (var file in new[] { "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin" })
        {
            File.WriteAllText(directory.File(file), "{}");
            var message = Fault(directory.Path);
            Assert.StartsWith($"{directory.File(file)}: an adapter (LoRA) lies beside the model", message);
            Assert.Contains("merge_and_unload()", message);
            Assert.EndsWith($", or move {file} away if the model alone is meant", message);
            File.Delete(directory.File(file));
        }
        File.WriteAllText(directory.File("adapter_config.json"), "{}");
        File.WriteAllText(directory.File("adapter_model.safetensors"), "{}");
        Assert.EndsWith("or move adapter_config.json and adapter_model.safetensors away if the model alone is meant", Fault(directory.Path));
    }

    /// <summary>Neither a pipe nor a device is opened: the one would be waited for, the other never ends.</summary>
    [UnixTheory]
    [InlineData("config.json", "/dev/zero")]
    [InlineData("model.safetensors", "/dev/zero")]
    [InlineData("model.safetensors", null)]
    [InlineData("config.json", null)]
    public void Only_regular_files_are_read(string name, string? device)
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        File.Delete(directory.File(name));
        if (device is null) Process.Start("mkfifo", directory.File(name)).WaitForExit();
        else File.CreateSymbolicLink(directory.File(name), device);
        Assert.Equal($"{directory.File(name)}: is {(device is null ? "a pipe" : "a device")}; a regular file is needed", Fault(directory.Path));
    }

    [UnixTheory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("merges.txt")]
    [InlineData("vocab.json")]
    public void Only_regular_files_are_read_of_a_tokenizer(string name)
    {
        foreach (var device in new[] { "/dev/zero", null })
        {
            using var directory = new TemporaryDirectory();
            if (name is "merges.txt" or "vocab.json")
            {
                File.WriteAllText(directory.File("vocab.json"), "{\"a\": 0}");
                File.WriteAllText(directory.File("merges.txt"), "#version: 0.2\n");
            }
            else
            {
                File.WriteAllText(directory.File("tokenizer.json"), "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}}");
            }
            Assert.NotNull(Faith.Engine.Tokenizers.TokenizerLoader.TryLoad(directory.Path));
            File.Delete(directory.File(name));
            if (device is null) Process.Start("mkfifo", directory.File(name)).WaitForExit();
            else File.CreateSymbolicLink(directory.File(name), device);
            Assert.Equal($"{directory.File(name)}: is {(device is null ? "a pipe" : "a device")}; a regular file is needed",
                Assert.Throws<InputException>(() => Faith.Engine.Tokenizers.TokenizerLoader.TryLoad(directory.Path)).Message);
        }
    }

    [Fact]
    public void Links_to_files_are_followed()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            Directory.CreateDirectory(directory.File("blobs"));
            File.Move(directory.File(name), directory.File("blobs/" + name));
            File.CreateSymbolicLink(directory.File(name), "blobs/" + name);
        }
        ModelLoader.Load(directory.Path).Dispose();
    }

    [Fact]
    public void Shard_names_are_plain()
    {
        using var directory = new TemporaryDirectory();
        var index = TinyModel.Gpt2().WriteShards(directory.Path, 2);
        index["weight_map"]!["transformer.wte.weight"] = "a\u001b]0;x\u0007.safetensors";
        File.WriteAllText(directory.File("model.safetensors.index.json"), index.ToJsonString());
        var message = Fault(directory.Path);
        Assert.Contains("must be a file name without a path or control characters", message);
        Assert.DoesNotContain('\u001b', message);
    }
}

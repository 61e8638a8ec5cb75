#Requires -RunAsAdministrator
<#
.SYNOPSIS
Makes this computer forward its events to wefka, or undoes that.

.DESCRIPTION
For hosts that take no Group Policy. Writes the subscription managers, starts WinRM with the machine, and lets NETWORK SERVICE read
the channels. What was there before is kept in a file, once, and -Undo puts it back. Run it with -WhatIf to see what it would do.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File wefka.ps1 -WhatIf
.EXAMPLE
powershell -ExecutionPolicy Bypass -File wefka.ps1
.EXAMPLE
powershell -ExecutionPolicy Bypass -File wefka.ps1 -Undo
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [switch]$Undo,
    [string]$Before = "$env:ProgramData\wefka\before.json"
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$managers = @({{range $i, $m := .Managers}}{{if $i}},{{end}}
    {{quote $m}}{{end}}
)
# Channels to open to NETWORK SERVICE, with their sizes in bytes; 0 leaves the size alone.
$channels = @({{range $i, $c := .Channels}}{{if $i}},{{end}}
    @{ Name = {{quote $c.Name}}; Size = {{$c.Size}} }{{end}}
)
$managersKey = 'HKLM:\{{.ManagersKey}}'
$networkService = New-Object System.Security.Principal.SecurityIdentifier 'S-1-5-20'

function Get-Managers {
    $found = @{}
    if (Test-Path -LiteralPath $managersKey) {
        $key = Get-Item -LiteralPath $managersKey
        foreach ($name in $key.GetValueNames()) { $found[$name] = [string]$key.GetValue($name) }
    }
    $found
}

function Set-Managers($values) {
    if (Test-Path -LiteralPath $managersKey) { Remove-Item -LiteralPath $managersKey }
    if ($values.Count -eq 0) { return }
    New-Item -Path $managersKey -Force | Out-Null
    foreach ($name in $values.Keys) {
        New-ItemProperty -LiteralPath $managersKey -Name $name -Value $values[$name] -PropertyType String -Force | Out-Null
    }
}

function Get-Channel($name) {
    try { $log = New-Object System.Diagnostics.Eventing.Reader.EventLogConfiguration $name; $null = $log.SecurityDescriptor; $log }
    catch { Write-Warning "There is no channel $name here: its subscription will wait for it." }
}

# A descriptor in which NETWORK SERVICE may read; every other entry stays.
function Add-Reader($descriptor) {
    $sd = New-Object System.Security.AccessControl.RawSecurityDescriptor $descriptor
    foreach ($ace in $sd.DiscretionaryAcl) {
        if ($ace.SecurityIdentifier -eq $networkService -and "$($ace.AceType)" -eq 'AccessAllowed' -and ($ace.AccessMask -band 1)) { return $descriptor }
    }
    $ace = New-Object System.Security.AccessControl.CommonAce -ArgumentList 'None', 'AccessAllowed', 1, $networkService, $false, $null
    $sd.DiscretionaryAcl.InsertAce($sd.DiscretionaryAcl.Count, $ace)
    $sd.GetSddlForm([System.Security.AccessControl.AccessControlSections]::All)
}

function Get-StartMode { (Get-WmiObject Win32_Service -Filter "Name='WinRM'").StartMode -replace '^Auto$', 'Automatic' }

if ($Undo) {
    if (-not (Test-Path -LiteralPath $Before)) { throw "$Before is not there: nothing was done by this script, or it was undone." }
    $was = Get-Content -LiteralPath $Before -Raw | ConvertFrom-Json
    if ($PSCmdlet.ShouldProcess('Subscription managers', 'Restore')) {
        $values = @{}
        foreach ($p in $was.Managers.PSObject.Properties) { $values[$p.Name] = $p.Value }
        Set-Managers $values
    }
    foreach ($c in $was.Channels) {
        $log = Get-Channel $c.Name
        if ($log -and $PSCmdlet.ShouldProcess($c.Name, "Restore access $($c.Access), size $($c.Size), enabled $($c.Enabled)")) {
            $log.SecurityDescriptor = $c.Access; $log.MaximumSizeInBytes = $c.Size
            if (-not $log.IsClassicLog) { $log.IsEnabled = $c.Enabled }
            $log.SaveChanges()
        }
    }
    if ($PSCmdlet.ShouldProcess('WinRM', "Set start mode $($was.WinRM), restart")) {
        Set-Service WinRM -StartupType $was.WinRM
        if ($was.WinRM -eq 'Automatic') { Restart-Service WinRM } else { Stop-Service WinRM }
        Remove-Item -LiteralPath $Before
    }
    return
}

$logs = @(); foreach ($c in $channels) { $log = Get-Channel $c.Name; if ($log) { $logs += @{ Log = $log; Wish = $c } } }
if (-not (Test-Path -LiteralPath $Before) -and $PSCmdlet.ShouldProcess($Before, 'Keep what is there now')) {
    New-Item -ItemType Directory -Path (Split-Path $Before) -Force | Out-Null
    @{ Managers = Get-Managers; WinRM = Get-StartMode
       Channels = @($logs | ForEach-Object { @{ Name = $_.Wish.Name; Access = $_.Log.SecurityDescriptor; Size = $_.Log.MaximumSizeInBytes; Enabled = $_.Log.IsEnabled } })
    } | ConvertTo-Json -Depth 4 | Set-Content -LiteralPath $Before -Encoding UTF8
}
foreach ($l in $logs) {
    $access = Add-Reader $l.Log.SecurityDescriptor
    if ($PSCmdlet.ShouldProcess($l.Wish.Name, "Enable, let NETWORK SERVICE read, size at least $($l.Wish.Size)")) {
        $l.Log.SecurityDescriptor = $access
        if ($l.Wish.Size -gt $l.Log.MaximumSizeInBytes) { $l.Log.MaximumSizeInBytes = $l.Wish.Size }
        if (-not $l.Log.IsClassicLog) { $l.Log.IsEnabled = $true }
        $l.Log.SaveChanges()
    }
}
if ($PSCmdlet.ShouldProcess('Subscription managers', ($managers -join ' | '))) {
    $values = @{}
    for ($i = 0; $i -lt $managers.Count; $i++) { $values["$($i + 1)"] = $managers[$i] }
    Set-Managers $values
}
if ($PSCmdlet.ShouldProcess('WinRM', 'Start automatically, restart')) {
    Set-Service WinRM -StartupType Automatic
    Restart-Service WinRM
}
